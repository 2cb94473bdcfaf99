// One target's life: wait for its turn, fetch, store, report; at the end, stale markers.
// After Prometheus scrape/scrape.go (scrapeLoop).

import type { Clock } from '../../base/clock.ts';
import { CodedError, codeOf, describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { redactUrl } from '../../base/redact.ts';
import type { HttpClient, HttpResponse } from '../../base/ports/http-client.ts';
import type { Appendable, Appender } from '../../storage/appender.ts';
import { CLOCK_BACK_MS_MAX } from '../limits.ts';
import { ACCEPT, expositionFormat } from '../exposition/content-type.ts';
import { appendBody, appendVanished, newCounts } from './append-body.ts';
import type { Answer, AppendContext, ScrapeCounts } from './append-body.ts';
import { withoutEcho } from './echo.ts';
import type { Escrow, StorePermission } from './escrow.ts';
import { failureSentence, isStoreFault, storeError, withoutQuotes } from './failure.ts';
import { Metadata } from './metadata.ts';
import type { MetadataMemory, MetricMetadata } from './metadata.ts';
import { Report } from './report.ts';
import { Schedule } from './schedule.ts';
import { SeriesCache } from './series-cache.ts';
import { isSilence } from './silence.ts';
import type { StoreHealth } from './store-health.ts';
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
  readonly storeHealth: StoreHealth;
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
  #hasAnswered = false;

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
      url: redactUrl(target.url),
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
    this.#parts.storeHealth.noteWell(this);
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
      isForeign: false,
    };
    let failure: unknown;
    let isStored = true;
    try {
      const response = await this.#fetch(turn.settings);
      try {
        turn.contentType = response.contentType;
        turn.isForeign = response.isForeign ?? false;
        const format = expositionFormat(response.contentType);
        await this.#store(turn, { body: response.body, format });
      } finally {
        response.release();
      }
    } catch (error) {
      if (this.#stopping.signal.aborted || this.#parts.mayStore() === 'never') return;
      failure = turn.isForeign ? withoutQuotes(error) : error;
      // The target is well, and what storage has just refused it refuses again.
      isStored = !isStoreFault(error) && (await this.#storeFailure(turn));
    }
    this.#note(turn, failure, isStored);
  }

  async #fetch(settings: ScrapeSettings): Promise<HttpResponse> {
    const { url, authorization } = this.#target;
    const response = await this.#parts.http.get(url, {
      headers: {
        ...(authorization !== undefined && { Authorization: authorization }),
        Accept: ACCEPT,
        'User-Agent': this.#parts.userAgent,
        'X-Prometheus-Scrape-Timeout-Seconds': String(settings.timeoutMs / 1000),
      },
      extraCa: settings.extraCa,
      timeoutMs: settings.timeoutMs,
      bodyLimitBytes: settings.bodyLimitBytes,
      signal: this.#stopping.signal,
    });
    if (response.status !== 200) {
      response.release();
      const words = response.isForeign === true ? '' : response.statusText;
      const status = `${response.status} ${words}`.trim();
      throw new CodedError('ERR_SCRAPE_STATUS', `answered ${status}`, {
        expected: 200,
        found: response.status,
      });
    }
    return response;
  }

  /** Puts the answer and the report into storage, all or nothing. */
  async #store(turn: ScrapeTurn, answer: Answer): Promise<void> {
    const appender = this.#appender();
    try {
      // First, since a target that has its share of series must still be told about.
      this.#report.prepare(appender);
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
  async #storeFailure(turn: ScrapeTurn): Promise<boolean> {
    let appender: Appender | undefined;
    try {
      appender = this.#appender();
      this.#cache.begin();
      await appendVanished(this.#context(turn.settings), appender, turn.timestampMs);
      await this.#commit(turn, appender, false);
      this.#cache.stored(false);
      return true;
    } catch (error) {
      appender?.rollback();
      this.#cache.abandon();
      this.#parts.logger.debug('A failed scrape is not recorded', this.#logFields({ error }));
      return false;
    }
  }

  #appender(): Appender {
    try {
      return this.#parts.appendable.appender();
    } catch (error) {
      throw this.#storeFault(error);
    }
  }

  /** The error for what storage has thrown; a fault of storing is noted for all targets together. */
  #storeFault(cause: unknown): unknown {
    const error = storeError(cause);
    if (isStoreFault(error) && this.#parts.mayStore() !== 'never') {
      this.#parts.storeHealth.noteFault(this, cause);
    }
    return error;
  }

  async #commit(turn: ScrapeTurn, appender: Appender, isUp: boolean): Promise<void> {
    const durationMs = this.#parts.clock.monotonicMs() - turn.startMonotonicMs;
    this.#report.append(appender, turn.timestampMs, isUp, durationMs, turn.counts);
    try {
      await this.#commitAsPermitted(appender, turn.counts.scraped);
    } catch (error) {
      throw this.#storeFault(error);
    }
    this.#parts.storeHealth.noteWell(this);
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
        escrow.keep(appender, samples, this.#target);
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
  #note(turn: ScrapeTurn, failure: unknown, isStored: boolean): void {
    const { counts } = turn;
    const before = this.#status;
    // The target is up even if storage takes nothing, of which the log hears once for all targets.
    const isUp = failure === undefined || isStoreFault(failure);
    const contentType = turn.isForeign ? '' : turn.contentType;
    const lastError =
      failure === undefined
        ? undefined
        : withoutEcho(failureSentence(failure, contentType), this.#target);
    const failureCode = failure === undefined ? undefined : (codeOf(failure) ?? 'ERR_INTERNAL');
    const refused = counts.outOfOrder + counts.conflicting + counts.outOfBounds;
    const lastDurationMs = this.#parts.clock.monotonicMs() - turn.startMonotonicMs;
    const samples = counts.scraped;
    this.#hasAnswered ||= !isSilence(failure);
    const absent = this.#target.isOptional === true && !this.#hasAnswered;
    this.#status = {
      ...before,
      up: isUp,
      absent,
      // Of what is not stored nobody shall think that it was collected then.
      lastScrapeMs: isStoreFault(failure) ? before.lastScrapeMs : turn.startMs,
      lastDurationMs,
      lastError,
      failureCode,
      samples,
      refused,
    };
    const { logger, onScrape } = this.#parts;
    onScrape?.({ durationMs: lastDurationMs, samples, failureCode, isStored });
    if (isUp) {
      if (before.lastError !== undefined && !before.up) {
        logger.info('The target answers again', this.#logFields({}));
      }
      if (failure === undefined && refused > 0) {
        logger.warn('Storage refused samples', this.#logFields({ ...counts }));
      }
    } else if (lastError !== before.lastError) {
      const reason = withoutEcho(describeError(failure), this.#target);
      const fields = this.#logFields({ reason });
      if (absent) logger.debug('A target that is optional does not answer', fields);
      else logger.warn('A scrape failed', fields);
    }
  }

  #logFields(more: Record<string, unknown>): Record<string, unknown> {
    return { url: this.#status.url, ...this.#target.labels, ...more };
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
  /** No error shows anything of the answer. */
  isForeign: boolean;
}
