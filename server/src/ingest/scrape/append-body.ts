import { CodedError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Appender, AppendResult, SeriesRef } from '../../storage/appender.ts';
import { SeriesScanner } from '../exposition/series-scanner.ts';
import { COMMENT, END, SAMPLE } from '../exposition/entries.ts';
import type { ExpositionParser } from '../exposition/entries.ts';
import { expositionParser } from '../exposition/content-type.ts';
import type { ExpositionFormat } from '../exposition/content-type.ts';
import { AHEAD_MS_MAX, SLICE_CHECK_LINES, SLICE_MS } from '../limits.ts';
import type { Metadata } from './metadata.ts';
import { DROPPED, NO_ENTRY } from './series-cache.ts';
import type { SeriesCache } from './series-cache.ts';
import { duplicateName, storedLabels } from './target-labels.ts';
import type { Turns } from './turns.ts';
import type { ScrapeSettings, Target } from './types.ts';

/** What became of the samples of one scrape. */
export interface ScrapeCounts {
  /** In the answer, up to where it could be read. */
  scraped: number;
  /** Left without the series that the target drops. */
  kept: number;
  /** Series that the last stored scrape did not have. */
  seriesAdded: number;
  /** Refused by storage. */
  outOfOrder: number;
  conflicting: number;
  outOfBounds: number;
}

export function newCounts(): ScrapeCounts {
  return { scraped: 0, kept: 0, seriesAdded: 0, outOfOrder: 0, conflicting: 0, outOfBounds: 0 };
}

/** What a target has answered. */
export interface Answer {
  readonly body: Uint8Array;
  readonly format: ExpositionFormat;
}

export interface AppendContext {
  readonly target: Target;
  readonly settings: ScrapeSettings;
  readonly cache: SeriesCache;
  readonly metadata: Metadata;
  readonly clock: Clock;
  readonly turns: Turns;
}

/**
 * Reads one answer and appends its samples, and stale markers for series that are gone from it.
 * Works in slices of {@link SLICE_MS}. Throws on a fault in the text or when there are more samples
 * than allowed; what was appended until then is the caller's to roll back. `counts` is filled in
 * either case.
 */
export async function appendBody(
  context: AppendContext,
  answer: Answer,
  appender: Appender,
  timestampMs: number,
  counts: ScrapeCounts,
): Promise<void> {
  const reading = new BodyReading(context, answer, appender, timestampMs, counts);
  context.cache.begin();
  context.metadata.begin(answer.format);
  do await context.turns.next();
  while (!reading.runSlice());
  reading.checkSampleLimit();
  await appendVanished(context, appender, timestampMs);
}

/** Stale markers for all series that are alive in storage and were not seen since `begin`. */
export async function appendVanished(
  context: Pick<AppendContext, 'cache' | 'clock' | 'turns'>,
  appender: Appender,
  timestampMs: number,
): Promise<void> {
  const { cache, clock, turns } = context;
  let sliceEndMs = clock.monotonicMs() + SLICE_MS;
  for (const [index, entry] of cache.vanished().entries()) {
    if (index % SLICE_CHECK_LINES === 0 && clock.monotonicMs() >= sliceEndMs) {
      await turns.next();
      sliceEndMs = clock.monotonicMs() + SLICE_MS;
    }
    // A series that has left the head has had no sample for hours: nothing to end.
    appender.appendStale(cache.refs[entry], timestampMs);
  }
}

/** One answer on its way into storage. */
class BodyReading {
  readonly #context: AppendContext;
  readonly #body: Uint8Array;
  readonly #parser: ExpositionParser;
  readonly #appender: Appender;
  readonly #timestampMs: number;
  readonly #latestMs: number;
  readonly #counts: ScrapeCounts;
  readonly #sampleLimit: number;

  constructor(
    context: AppendContext,
    { body, format }: Answer,
    appender: Appender,
    timestampMs: number,
    counts: ScrapeCounts,
  ) {
    this.#context = context;
    this.#body = body;
    this.#parser = expositionParser(format, body);
    this.#appender = appender;
    this.#timestampMs = timestampMs;
    this.#latestMs = context.clock.nowMs() + AHEAD_MS_MAX;
    this.#counts = counts;
    this.#sampleLimit = context.settings.sampleLimit;
  }

  /** Works until the slice's time is up; true when the answer has been read to its end. */
  runSlice(): boolean {
    const { clock, cache, metadata } = this.#context;
    const endMs = clock.monotonicMs() + SLICE_MS;
    const parser = this.#parser;
    for (let line = 1; ; line++) {
      if (line % SLICE_CHECK_LINES === 0 && clock.monotonicMs() >= endMs) return false;
      const expected = cache.expected;
      const isExpected =
        expected !== NO_ENTRY &&
        parser.nextKnown(cache.keyView, cache.starts[expected], cache.ends[expected]);
      if (isExpected) {
        this.#takeSample(expected);
        continue;
      }
      if (metadata.skipKnown(parser)) continue;
      const kind = parser.next();
      if (kind === END) {
        metadata.end();
        return true;
      }
      if (kind === SAMPLE) {
        this.#takeSample(cache.find(this.#body, parser.seriesStart, parser.seriesEnd));
      } else if (kind !== COMMENT) {
        metadata.add(this.#body, parser);
      }
    }
  }

  checkSampleLimit(): void {
    if (!this.#isOverLimit()) return;
    throw new CodedError(
      'ERR_SCRAPE_SAMPLE_LIMIT',
      `more samples than the limit of ${this.#sampleLimit}: ${this.#counts.scraped}`,
      { expected: this.#sampleLimit, found: this.#counts.scraped },
    );
  }

  #isOverLimit(): boolean {
    return this.#sampleLimit > 0 && this.#counts.kept > this.#sampleLimit;
  }

  /** @param known entry of the series, or `NO_ENTRY` for one that the cache lacks */
  #takeSample(known: number): void {
    const { cache, settings } = this.#context;
    const counts = this.#counts;
    const parser = this.#parser;
    counts.scraped++;
    let entry = known;
    if (known === NO_ENTRY) {
      const ref = this.#newSeries();
      entry = cache.add(this.#body, parser.seriesStart, parser.seriesEnd, ref);
    }
    if (cache.refs[entry] === DROPPED) {
      cache.follow(entry);
      return;
    }
    counts.kept++;
    // Over the limit the scrape is lost; the rest is read for the count alone.
    if (this.#isOverLimit()) return;
    const isNew = cache.follow(entry);
    const hasOwnTime = parser.hasTimestamp && settings.honorTimestamps;
    const timestampMs = hasOwnTime ? parser.timestampMs : this.#timestampMs;
    const isTaken = this.#append(entry, timestampMs);
    if (isNew && isTaken) counts.seriesAdded++;
    // A sample with a time of its own says nothing about the series being alive now.
    if (!hasOwnTime && (isTaken || isNew)) cache.markAlive(entry);
  }

  /** Whether storage took the sample; refusals are counted. */
  #append(entry: number, timestampMs: number): boolean {
    const { cache } = this.#context;
    const { value } = this.#parser;
    let result: AppendResult | undefined = 'out_of_bounds';
    if (timestampMs <= this.#latestMs) {
      result = this.#appender.append(cache.refs[entry], timestampMs, value);
      if (result === undefined) {
        cache.refs[entry] = this.#newSeriesOf(entry);
        result = this.#appender.append(cache.refs[entry], timestampMs, value);
      }
    }
    if (result === 'appended' || result === 'duplicate') return true;
    if (result === 'out_of_order') this.#counts.outOfOrder++;
    else if (result === 'conflict') this.#counts.conflicting++;
    else this.#counts.outOfBounds++;
    return false;
  }

  /** Makes the series that the parser stands on, or finds that it is to be dropped. */
  #newSeries(): SeriesRef {
    const { target, settings } = this.#context;
    const pairs = this.#parser.labelPairs();
    const duplicate = duplicateName(pairs);
    if (duplicate !== undefined) {
      const message = `the label ${duplicate} stands twice in one series`;
      throw this.#parser.errorAtSample('ERR_EXPOSITION_LABELS', message);
    }
    if (target.drops?.(pairs) === true) return DROPPED;
    return this.#appender.series(storedLabels(pairs, target, settings.honorLabels ?? false));
  }

  /** Makes a known series again that has left the head meanwhile. */
  #newSeriesOf(entry: number): SeriesRef {
    const { cache, target, settings } = this.#context;
    const scanner = new SeriesScanner();
    scanner.scan(cache.keys, cache.starts[entry], cache.ends[entry]);
    const pairs = scanner.pairs();
    return this.#appender.series(storedLabels(pairs, target, settings.honorLabels ?? false));
  }
}
