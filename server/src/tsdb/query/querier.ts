import { compareLabels, compareText, type Labels } from '../../model/labels.ts';
import type { TimeRange } from '../../model/time-range.ts';
import { isKnownEncoding } from '../chunkenc/encodings.ts';
import type { SampleSource } from '../chunkenc/sample-source.ts';
import { ChainedSamples } from '../series/chained-samples.ts';
import { ChunkSamples, type SeriesChunks } from '../series/chunk-samples.ts';
import { MergedSets } from '../series/merged-sets.ts';
import type { Matcher } from './matcher.ts';
import type { QuerySource, SourceSeries } from './query-source.ts';

/** Asks any number of blocks and heads as if they were one. For one caller at a time. */
export class Querier {
  readonly #sources: readonly QuerySource[];
  readonly #range: TimeRange;

  /** @param sources in the order of their times; they stay the caller's */
  constructor(sources: readonly QuerySource[], range: TimeRange) {
    this.#sources = sources;
    this.#range = range;
  }

  /**
   * The series that all matchers of one of the lists want, in the order of their labels. A list
   * without matchers wants none, as in Prometheus.
   */
  async select(...alternatives: readonly (readonly Matcher[])[]): Promise<SeriesSet> {
    const sets: SourceSeries[] = [];
    for (const matchers of alternatives) {
      if (matchers.length === 0) continue;
      for (const source of this.#sources) sets.push(await source.select(matchers, this.#range));
    }
    return new SeriesSet(sets);
  }

  /** Sorted by bytes. */
  labelNames(): Promise<string[]> {
    return unionOf(this.#sources.map((source) => source.labelNames()));
  }

  /** Sorted by bytes. */
  labelValues(name: string): Promise<string[]> {
    return unionOf(this.#sources.map((source) => source.labelValues(name)));
  }
}

/** The answer to a query: `next()`, then labels and samples of the series. */
export class SeriesSet {
  readonly #sets: MergedSets<SourceSeries>;
  readonly #single = new ChunkSamples();
  #unknownChunks = 0;

  constructor(sets: readonly SourceSeries[]) {
    this.#sets = new MergedSets(sets, (a, b) => compareLabels(a.labels, b.labels));
  }

  next(): boolean | Promise<boolean> {
    return this.#sets.next();
  }

  get labels(): Labels {
    return this.#sets.current[0].labels;
  }

  /** Chunks of unknown encodings among those of all series so far: their samples are missing. */
  get unknownChunks(): number {
    return this.#unknownChunks;
  }

  /** The samples of the current series, one for each time; valid until the next call. */
  samples(): SampleSource | Promise<SampleSource> {
    const parts: SeriesChunks[] = [];
    for (const set of this.#sets.current) {
      const chunks = set.chunks();
      if (chunks instanceof Promise) return this.#load(parts, chunks);
      parts.push(chunks);
    }
    return this.#join(parts);
  }

  /** Goes on from the first set whose chunks have to be waited for. */
  async #load(parts: SeriesChunks[], first: Promise<SeriesChunks>): Promise<SampleSource> {
    const rest = this.#sets.current.slice(parts.length + 1);
    parts.push(await first);
    for (const set of rest) parts.push(await set.chunks());
    return this.#join(parts);
  }

  #join(parts: readonly SeriesChunks[]): SampleSource {
    for (const { chunks } of parts) {
      for (const { encoding } of chunks) if (!isKnownEncoding(encoding)) this.#unknownChunks++;
    }
    const sorted = parts
      .filter(({ chunks }) => chunks.length > 0)
      .sort((a, b) => a.chunks[0].minTimeMs - b.chunks[0].minTimeMs);
    const isApart = sorted.every(
      ({ chunks }, i) => i === 0 || chunks[0].minTimeMs > endOf(sorted[i - 1]),
    );
    if (isApart) return this.#single.reset(sorted);
    return new ChainedSamples(parts.map((part) => new ChunkSamples().reset([part])));
  }
}

function endOf({ chunks }: SeriesChunks): number {
  return chunks[chunks.length - 1].maxTimeMs;
}

async function unionOf(lists: readonly Promise<readonly string[]>[]): Promise<string[]> {
  const all = new Set<string>();
  for (const list of lists) for (const text of await list) all.add(text);
  return [...all].sort(compareText);
}
