import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { RepeatingTask } from '../../base/sync/repeating-task.ts';
import type { Watch } from '../../base/sync/repeating-task.ts';
import { isUlid } from '../../model/ulid.ts';
import { readFields, textField } from './json-row.ts';

// See format.md for rows and events.

/** The part of the server's key-value store that requests need. */
export interface RequestKeyValueStore {
  get(key: string): Promise<Uint8Array | undefined>;
  setFor(key: string, value: Uint8Array, seconds: number): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Asks the scraper for the newest samples, for one dump. */
export interface HeadRequest {
  readonly id: string;
  readonly jobId: string;
  /** Both ends included, Unix milliseconds. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

/** What came of a request: a block in the dump's folder, or no sample in the range. */
export interface HeadAnswer {
  readonly ulid: string | undefined;
}

export interface HeadRequestsOptions {
  readonly kv: RequestKeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly watch?: Watch | undefined;
  readonly newId: () => string;
  /** Whether this instance is the one to answer. */
  readonly isScraper: () => boolean;
  /** Tells the other instances at once; they find the row sooner or later if it does not arrive. */
  readonly publish: (event: { id: string; data: Uint8Array }) => Promise<void>;
  /**
   * Brings the newest samples to the dump's folder in the file store; the ULID of the block, or
   * undefined when there are none. The signal is aborted when nobody waits any more: then it leaves
   * nothing behind.
   */
  readonly writeHead: (request: HeadRequest, signal: AbortSignal) => Promise<string | undefined>;
}

const REQUEST_KEY = 'head_request';
const REQUEST_SECONDS = 60;
const ANSWER_SECONDS = 120;
/** A dump goes on without the newest samples after this. */
const ASK_TIMEOUT_MS = 30_000;
/** Time for the scraper, so that its answer comes before that. */
const ANSWER_TIMEOUT_MS = 22_000;
/** How often an answer is looked for, where no event brings it. */
const POLL_MS = 1_000;
/** How often the scraper looks for requests that no event has brought. */
const LOOK_MS = 5_000;

/** Dumps are made anywhere, the newest samples are with the scraper: this brings them together. */
export class HeadRequests {
  readonly #options: HeadRequestsOptions;
  readonly #looks: RepeatingTask;
  #lastId = '';
  /** What an event has brought, ahead of the row. */
  #brought: { request?: HeadRequest | undefined; answer?: Uint8Array } = {};
  /** Ends the wait of the one who asks. */
  #news = new AbortController();

  constructor(options: HeadRequestsOptions) {
    this.#options = options;
    this.#looks = new RepeatingTask({
      clock: options.clock,
      periodMs: () => LOOK_MS,
      watch: options.watch,
      run: () => this.#look(),
      onError: (error) => options.logger.debug('Requests could not be looked for', { error }),
    });
  }

  start(): void {
    this.#looks.start();
  }

  async stop(): Promise<void> {
    await this.#looks.stop();
  }

  /** An event of another instance: a request for us, or an answer to ours. */
  onEvent({ id, data }: { id: string; data: Uint8Array }): void {
    if (id === 'head_request') {
      this.#brought.request = decodeRequest(data);
      this.#looks.wake();
    } else if (id === 'head_answer') {
      this.#brought.answer = data;
      this.#news.abort();
    }
  }

  /**
   * The answer of the scraper, wherever it runs. Rejects with `ERR_HEAD_UNANSWERED` when none comes
   * within 30 s, and with the reason when the scraper could not do it.
   */
  async ask(jobId: string, minTimeMs: number, maxTimeMs: number): Promise<HeadAnswer> {
    const { kv, clock, newId } = this.#options;
    const request: HeadRequest = { id: newId(), jobId, minTimeMs, maxTimeMs };
    const deadlineMs = clock.monotonicMs() + ASK_TIMEOUT_MS;
    await kv.setFor(REQUEST_KEY, encodeRequest(request), REQUEST_SECONDS);
    await this.#tell('head_request', encodeRequest(request));
    try {
      for (;;) {
        this.#news = new AbortController();
        const brought = decodeAnswer(request, this.#brought.answer);
        const answer = brought ?? decodeAnswer(request, await kv.get(answerKey(jobId)));
        if (answer !== undefined) return answer;
        if (clock.monotonicMs() >= deadlineMs) throw unanswered();
        await clock.sleep(POLL_MS, this.#news.signal).catch(() => undefined);
      }
    } finally {
      // The row ends by itself: what has been answered counts.
      await kv.delete(REQUEST_KEY).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { kv, isScraper } = this.#options;
    // Taken in any case: whoever scrapes only later must not answer what is long over.
    const { request: brought } = this.#brought;
    this.#brought.request = undefined;
    if (!isScraper()) return;
    const request = brought ?? decodeRequest(await kv.get(REQUEST_KEY));
    if (request === undefined || request.id === this.#lastId) return;
    this.#lastId = request.id;
    await this.#answer(request);
  }

  async #answer(request: HeadRequest): Promise<void> {
    const { kv, clock, logger, writeHead } = this.#options;
    const late = new AbortController();
    const finished = new AbortController();
    const timeout = clock.sleep(ANSWER_TIMEOUT_MS, finished.signal).then(
      () => late.abort(unanswered()),
      () => undefined,
    );
    let fields: { ulid?: string | undefined; error?: string };
    try {
      fields = { ulid: await writeHead(request, late.signal) };
    } catch (error) {
      const { jobId } = request;
      logger.warn('The newest samples could not be handed to a dump', { jobId, error });
      fields = { error: describeError(error) };
    } finally {
      finished.abort();
      await timeout;
    }
    const bytes = new TextEncoder().encode(JSON.stringify({ id: request.id, ...fields }));
    await kv.setFor(answerKey(request.jobId), bytes, ANSWER_SECONDS);
    await this.#tell('head_answer', bytes);
  }

  async #tell(id: string, data: Uint8Array): Promise<void> {
    try {
      await this.#options.publish({ id, data });
    } catch (error) {
      this.#options.logger.debug('An event could not be published', { event: id, error });
    }
  }
}

function answerKey(jobId: string): string {
  return `head_answer_${jobId}`;
}

function unanswered(): CodedError {
  const message = 'the node that scrapes has not answered in time';
  return new CodedError('ERR_HEAD_UNANSWERED', message, { limitMs: ASK_TIMEOUT_MS });
}

function encodeRequest({ id, jobId, minTimeMs, maxTimeMs }: HeadRequest): Uint8Array {
  const fields = { id, job_id: jobId, min_t: minTimeMs, max_t: maxTimeMs };
  return new TextEncoder().encode(JSON.stringify(fields));
}

function decodeRequest(bytes: Uint8Array | undefined): HeadRequest | undefined {
  const fields = readFields(bytes);
  const [id, jobId] = [textField(fields, 'id'), textField(fields, 'job_id')];
  const [min, max] = [fields.get('min_t'), fields.get('max_t')];
  // The id of the job becomes a folder.
  if (id === '' || !/^[A-Za-z0-9]{1,64}$/.test(jobId)) return undefined;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max)) return undefined;
  return { id, jobId, minTimeMs: Number(min), maxTimeMs: Number(max) };
}

/** undefined: none yet, or to an earlier request. Throws what the scraper reports. */
function decodeAnswer(request: HeadRequest, bytes: Uint8Array | undefined): HeadAnswer | undefined {
  const fields = readFields(bytes);
  if (textField(fields, 'id') !== request.id) return undefined;
  const error = textField(fields, 'error');
  if (error !== '') throw new CodedError('ERR_HEAD_FAILED', error);
  const ulid = textField(fields, 'ulid');
  return { ulid: isUlid(ulid) ? ulid : undefined };
}
