import type { BlockMeta, HeadStats } from '../../tsdb/index.ts';
import { withoutCovered } from '../blocksync/covered.ts';
import { isSetAside } from '../blocksync/set-aside.ts';
import type { TimeBounds } from '../blocksync/set-aside.ts';

/** `GET /tsdb/stats`, with the Go plugin's names. Times in Unix milliseconds, 0 without samples. */
export interface StoreStats {
  readonly min_t: number;
  /**
   * Of the newest sample that a target has sent, as far as it is in the head: what the scraper says of a
   * target that does not answer (`up` 0) is no sign that anything is collected.
   */
  readonly max_t: number;
  readonly num_samples: number;
  /** Of the block (or the head) with the most series: series live on from block to block. */
  readonly num_series: number;
  /** When the file store was asked, 0: it has not answered yet. Not there without a file store. */
  readonly as_of?: number;
  /** Blocks with samples of a wrong clock, which the figures above leave out; not there without any. */
  readonly set_aside?: readonly SetAsideBlock[];
}

export interface SetAsideBlock {
  readonly ulid: string;
  readonly min_t: number;
  readonly max_t: number;
  readonly num_samples: number;
}

const UNBOUNDED: TimeBounds = { presentMs: -Infinity, horizonMs: Infinity, oldestMs: -Infinity };

/** What the statistics need of a head. */
export type HeadFacts = Pick<
  HeadStats,
  'seriesCount' | 'sampleCount' | 'minTimeMs' | 'maxTimeMs' | 'scraped'
>;

/**
 * What all samples that this plugin can reach add up to: blocks of the file store, local ones that
 * are not there yet, and the head.
 */
export function summarize(
  store: readonly BlockMeta[],
  local: readonly BlockMeta[],
  head: HeadFacts | undefined,
  bounds: TimeBounds = UNBOUNDED,
): StoreStats {
  const known = new Map([...local, ...store].map((block) => [block.ulid, block]));
  let minTime = Infinity;
  let maxTime = -Infinity;
  let samples = 0;
  let series = 0;
  const aside: SetAsideBlock[] = [];
  for (const block of withoutCovered([...known.values()])) {
    if (isSetAside(block, bounds)) {
      aside.push({
        ulid: block.ulid,
        min_t: block.minTime,
        max_t: block.maxTime,
        num_samples: block.stats.numSamples,
      });
      continue;
    }
    minTime = Math.min(minTime, block.minTime);
    maxTime = Math.max(maxTime, block.maxTime);
    samples += block.stats.numSamples;
    series = Math.max(series, block.stats.numSeries);
  }
  const newest = head?.scraped?.newestMs ?? head?.maxTimeMs;
  if (head?.minTimeMs !== undefined && newest !== undefined && newest > 0) {
    // A clock that is ahead right now has its samples in the head, beside those from before.
    const isAhead = newest > bounds.horizonMs;
    minTime = Math.min(minTime, isAhead ? Infinity : head.minTimeMs);
    maxTime = Math.max(maxTime, isAhead ? bounds.presentMs : newest);
    samples += head.sampleCount;
    series = Math.max(series, head.scraped?.seriesCount ?? head.seriesCount);
  }
  const empty = minTime > maxTime;
  return {
    min_t: empty ? 0 : minTime,
    max_t: empty ? 0 : maxTime,
    num_samples: samples,
    num_series: series,
    ...(aside.length > 0 && { set_aside: aside }),
  };
}
