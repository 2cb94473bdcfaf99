import { firstOverlap, splitByRange } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import { isCovered, withoutCovered } from '../blocksync/covered.ts';

const HOUR_MS = 60 * 60 * 1000;
/** Lengths that blocks are merged to, the longest first: a day that is over is merged in one go. */
const RANGES_MS: readonly number[] = [24 * HOUR_MS, 6 * HOUR_MS];
/**
 * A window is left alone until it has been over for so long. The last block of two hours is cut from
 * the head up to an hour after its end, and uploaded up to a sync period later.
 */
const QUIET_MS = 4 * HOUR_MS;

/**
 * The groups of blocks to merge, oldest first: those that lie in one finished window of a day, else
 * of six hours. Blocks that are part of others are left out, and so are those past the retention.
 */
export function planMerges(
  blocks: readonly BlockMeta[],
  nowMs: number,
  oldestMs: number,
): (readonly BlockMeta[])[] {
  let left = withoutCovered(blocks)
    .filter((block) => block.maxTime > oldestMs && block.maxTime + QUIET_MS <= nowMs)
    .sort((a, b) => a.minTime - b.minTime || a.maxTime - b.maxTime);
  const groups: (readonly BlockMeta[])[] = [];
  for (const rangeMs of RANGES_MS) {
    for (const group of splitByRange(left, rangeMs)) {
      if (group.length < 2 || !isOver(group, rangeMs, nowMs)) continue;
      groups.push(group);
      const taken = new Set(group);
      left = left.filter((block) => !taken.has(block));
    }
  }
  return groups.sort((a, b) => a[0].minTime - b[0].minTime);
}

function isOver(group: readonly BlockMeta[], rangeMs: number, nowMs: number): boolean {
  const endMs = (Math.floor(group[0].minTime / rangeMs) + 1) * rangeMs;
  return endMs + QUIET_MS <= nowMs;
}

/** Blocks whose samples are all in another whole block of the store. */
export function coveredBlocks(blocks: readonly BlockMeta[]): BlockMeta[] {
  const merged = blocks.filter((block) => block.compaction.level > 1);
  return blocks.filter((block) => isCovered(block, merged));
}

/**
 * How many samples a block merged of `sources` may have. Where sources share times, or tombstones
 * delete some, they may be fewer than the sum; else they are as many.
 */
export function expectedSamples(sources: readonly BlockMeta[]): { least: number; most: number } {
  const counts = sources.map(({ stats }) => stats.numSamples);
  const most = counts.reduce((total, count) => total + count, 0);
  if (sources.some(({ stats }) => (stats.numTombstones ?? 0) > 0)) return { least: 0, most };
  const sorted = sources.toSorted((a, b) => a.minTime - b.minTime);
  return { least: firstOverlap(sorted).length > 0 ? Math.max(...counts) : most, most };
}
