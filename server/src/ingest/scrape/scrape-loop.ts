// One target's life: wait for its turn, fetch, store, report; at the end, stale markers.
// After Prometheus scrape/scrape.go (scrapeLoop).

import type { Clock } from '../../base/clock.ts';
import { CodedError, codeOf, describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { HttpClient, HttpResponse } from '../../base/ports/http-client.ts';
import type { Appendable, Appender } from '../../storage/appender.ts';
import { CLOCK_BACK_MS_MAX } from '../limits.ts';
import { ACCEPT, expositionFormat } from '../exposition/content-type.ts';
import { appendBody, appendVanished, newCounts } from './append-body.ts';
import type { Answer, AppendContext, ScrapeCounts } from './append-body.ts';
import type { Escrow, StorePermission } from './escrow.ts';
import { failureSentence } from './failure.ts';
import { Metadata } from './metadata.ts';
import type { MetadataMemory, MetricMetadata } from './metadata.ts';
import { Report } from './report.ts';
import { Schedule } from './schedule.ts';
import { SeriesCache } from './series-cache.ts';
import type { Turns } from './turns.ts';
import type { ScrapeResult, ScrapeSettings, Target, TargetStatus } from './types.ts';

export interface LoopParts {
  readonly http: HttpClient;
  readonly appendable: Appendable;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly turns: Turns;
  readonly metadataMemory: MetadataMemory;
  readonly userAgent: string;
  readonly onScrape?: ((result: ScrapeResult) => void) | undefined;
  readonly mayStore: () => StorePermission;
  readonly escrow: Escrow;
}

export class ScrapeLoop {
  readonly #parts: LoopParts;
  readonly #target: Target;
  readonly #hash: number;
  readonly #cache = new SeriesCache();
  readonly #metadata: Metadata;
  readonly #report: Report;
  readonly #stopping = new AbortController();
  /** Ends the wait for the next scrape. */
  #wake = new AbortController();
  #settings: ScrapeSettings;
  #schedule: Schedule;
  #running: Promise<void> | undefined;
  /** Timestamp of the newest samples stored; undefined while there are none. */
  #storedMs: number | undefined;
  #status: TargetStatus;

  /** @param hash a uint32 that decides the target's place in the interval */
  constructor(parts: LoopParts, settings: ScrapeSettings, target: Target, hash: number) {
    this.#parts = parts;
    this.#settings = settings;
    this.#target = target;
    this.#hash = hash;
    this.#metadata = new Metadata(parts.metadataMemory);
    this.#report = new Report(target);
    this.#schedule = new Schedule(settings.intervalMs, hash);
    this.#status = {
      url: target.url,
      job: target.labels.job,
      instance: target.labels.instance,
      up: false,
      lastScrapeMs: undefined,
      lastDurationMs: undefined,
      lastError: undefined,
      samples: 0,
      refused: 0,
    };
  }

  status(): TargetStatus {
    return this.#status;
  }

  /** Adds what the target says about its metrics. */
  collectMetadata(all: Map<string, MetricMetadata[]>): void {
    this.#metadata.collect(all);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** New settings hold from the next scrape on; a new interval is a new plan at once. */
  reconfigure(settings: ScrapeSettings): void {
    const isNewInterval = settings.intervalMs !== this.#settings.intervalMs;
    this.#settings = settings;
    if (!isNewInterval) return;
    this.#schedule = new Schedule(settings.intervalMs, this.#hash);
    this.#wake.abort();
  }

  /**
   * Breaks off a fetch under way, lets samples that have arrived be stored, and ends all series of
   * the target with stale markers. Never rejects.
   */
  async stop(): Promise<void> {
    this.#stopping.abort(new CodedError('ERR_STOPPED', 'scraping was stopped'));
    this.#wake.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    const stop = this.#stopping.signal;
    let plannedMs = this.#schedule.firstMs(clock.nowMs());
    while (!stop.aborted) {
      const schedule = this.#schedule;
      await this.#sleepUntil(plannedMs);
      if (stop.aborted) break;
      if (schedule === this.#schedule) await this.#survive(() => this.#scrape(plannedMs));
      plannedMs = this.#schedule.nextMs(clock.nowMs(), plannedMs);
    }
    await this.#survive(() => this.#end());
    this.#metadata.close();
  }

  async #sleepUntil(timeMs: number): Promise<void> {
    const { clock } = this.#parts;
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    const delayMs = Math.max(0, timeMs - clock.nowMs());
    await clock.sleep(delayMs, this.#wake.signal).catch(() => undefined);
  }

  /** The loop outlives whatever a turn throws. What gets here was not foreseen. */
  async #survive(turn: () => Promise<void>): Promise<void> {
    try {
      await turn();
    } catch (error) {
      this.#status = { ...this.#status, up: false, lastError: failureSentence(error) };
      this.#parts.logger.error('A scrape broke off', this.#logFields({ error }));
    }
  }

  async #scrape(plannedMs: number): Promise<void> {
    const { clock } = this.#parts;
    const startMs = clock.nowMs();
    const turn: ScrapeTurn = {
      settings: this.#settings,
      startMs,
      startMonotonicMs: clock.monotonicMs(),
      timestampMs: this.#schedule.timestampMs(startMs, plannedMs),
      counts: newCounts(),
      contentType: '',
    };
    let failure: unknown;
    try {
      const response = await this.#fetch(turn.settings);
      try {
        turn.contentType = response.contentType;
        const format = expositionFormat(response.contentType);
        await this.#store(turn, { body: response.body, format });
      } finally {
        response.release();
      }
    } catch (error) {
      if (this.#stopping.signal.aborted || this.#parts.mayStore() === 'never') return;
      failure = error;
      await this.#storeFailure(turn);
    }
    this.#note(turn, failure);
  }

  async #fetch(settings: ScrapeSettings): Promise<HttpResponse> {
    const response = await this.#parts.http.get(this.#target.url, {
      headers: {
        Accept: ACCEPT,
        'User-Agent': this.#parts.userAgent,
        'X-Prometheus-Scrape-Timeout-Seconds': String(settings.timeoutMs / 1000),
      },
      timeoutMs: settings.timeoutMs,
      bodyLimitBytes: settings.bodyLimitBytes,
      signal: this.#stopping.signal,
    });
    if (response.status !== 200) {
      response.release();
      const status = `${response.status} ${response.statusText}`.trim();
      throw new CodedError('ERR_SCRAPE_STATUS', `answered ${status}`, {
        expected: 200,
        found: response.status,
      });
    }
    return response;
  }

  /** Puts the answer and the report into storage, all or nothing. */
  async #store(turn: ScrapeTurn, answer: Answer): Promise<void> {
    const appender = this.#parts.appendable.appender();
    try {
      await appendBody(
        this.#context(turn.settings),
        answer,
        appender,
        turn.timestampMs,
        turn.counts,
      );
      await this.#commit(turn, appender, true);
    } catch (error) {
      appender.rollback();
      this.#cache.abandon();
      throw error;
    }
    this.#cache.stored(answer.body.length > 0);
  }

  /** What a failed scrape leaves: `up` 0, and the end of all series until the next good one. */
  async #storeFailure(turn: ScrapeTurn): Promise<void> {
    const appender = this.#parts.appendable.appender();
    try {
      this.#cache.begin();
      await appendVanished(this.#context(turn.settings), appender, turn.timestampMs);
      await this.#commit(turn, appender, false);
      this.#cache.stored(false);
    } catch (error) {
      appender.rollback();
      this.#cache.abandon();
      this.#parts.logger.error('A failed scrape could not be recorded', this.#logFields({ error }));
    }
  }

  async #commit(turn: ScrapeTurn, appender: Appender, isUp: boolean): Promise<void> {
    const durationMs = this.#parts.clock.monotonicMs() - turn.startMonotonicMs;
    this.#report.append(appender, turn.timestampMs, isUp, durationMs, turn.counts);
    try {
      await this.#commitAsPermitted(appender, turn.counts.scraped);
    } catch (error) {
      const message = 'the samples could not be stored';
      throw new CodedError('ERR_SCRAPE_STORE', message, {}, error);
    }
    this.#storedMs = turn.timestampMs;
  }

  async #commitAsPermitted(appender: Appender, samples: number): Promise<void> {
    const { escrow, mayStore } = this.#parts;
    switch (mayStore()) {
      case 'now':
        // What has waited is older.
        escrow.settle();
        return appender.commit();
      case 'later':
        escrow.keep(appender, samples);
        return;
      case 'never':
        throw new CodedError('ERR_SCRAPE_NOT_OURS', 'another instance scrapes this target');
    }
  }

  /** The target goes, or we do: nobody shall see its last values as the present ones. */
  async #end(): Promise<void> {
    const { appendable, clock, mayStore } = this.#parts;
    if (this.#storedMs === undefined || mayStore() === 'never') return;
    const nowMs = clock.nowMs();
    // A marker where a clock that ran ahead has left its samples would be a sample of it.
    const isRight = this.#storedMs - nowMs < CLOCK_BACK_MS_MAX;
    const timestampMs = isRight ? Math.max(nowMs, this.#storedMs + 1) : nowMs;
    const appender = appendable.appender();
    try {
      this.#cache.begin();
      await appendVanished(this.#context(this.#settings), appender, timestampMs);
      this.#report.appendStale(appender, timestampMs);
      await this.#commitAsPermitted(appender, 0);
    } catch (error) {
      appender.rollback();
      this.#parts.logger.warn('Series could not be ended', this.#logFields({ error }));
    }
  }

  #context(settings: ScrapeSettings): AppendContext {
    const { clock, turns } = this.#parts;
    return {
      target: this.#target,
      settings,
      cache: this.#cache,
      metadata: this.#metadata,
      clock,
      turns,
    };
  }

  /** Sets the status; the log hears of a failure when it begins or changes, not at each scrape. */
  #note(turn: ScrapeTurn, failure: unknown): void {
    const { counts } = turn;
    const before = this.#status.lastError;
    const lastError =
      failure === undefined ? undefined : failureSentence(failure, turn.contentType);
    const refused = counts.outOfOrder + counts.conflicting + counts.outOfBounds;
    this.#status = {
      ...this.#status,
      up: failure === undefined,
      lastScrapeMs: turn.startMs,
      lastDurationMs: this.#parts.clock.monotonicMs() - turn.startMonotonicMs,
      lastError,
      samples: counts.scraped,
      refused,
    };
    const { logger, onScrape } = this.#parts;
    onScrape?.({
      durationMs: this.#status.lastDurationMs ?? 0,
      samples: counts.scraped,
      failureCode: failure === undefined ? undefined : (codeOf(failure) ?? 'ERR_INTERNAL'),
    });
    if (lastError === undefined) {
      if (before !== undefined) logger.info('The target answers again', this.#logFields({}));
      if (refused > 0) logger.warn('Storage refused samples', this.#logFields({ ...counts }));
    } else if (lastError !== before) {
      logger.warn('A scrape failed', this.#logFields({ reason: describeError(failure) }));
    }
  }

  #logFields(more: Record<string, unknown>): Record<string, unknown> {
    return { url: this.#target.url, ...this.#target.labels, ...more };
  }
}

/** What belongs to one scrape. */
interface ScrapeTurn {
  readonly settings: ScrapeSettings;
  readonly startMs: number;
  readonly startMonotonicMs: number;
  readonly timestampMs: number;
  readonly counts: ScrapeCounts;
  /** Of the answer, '' until there is one. */
  contentType: string;
}
