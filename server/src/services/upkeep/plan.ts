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

/** Blocks that are merged to one, in the order of time; at least two. */
export type MergeGroup = readonly BlockMeta[];

/**
 * The groups of blocks to merge, oldest first: those that lie in one finished window of a day, else
 * of six hours. Blocks that are part of others are left out, and so are those past the retention.
 *
 * @param isApart whether a block is to stay as it is; its neighbours are merged on either side of it
 */
export function planMerges(
  blocks: readonly BlockMeta[],
  nowMs: number,
  oldestMs: number,
  isApart: (block: BlockMeta) => boolean,
): MergeGroup[] {
  let left = withoutCovered(blocks)
    .filter((block) => block.maxTime > oldestMs && block.maxTime + QUIET_MS <= nowMs)
    .sort((a, b) => a.minTime - b.minTime || a.maxTime - b.maxTime);
  const groups: MergeGroup[] = [];
  for (const rangeMs of RANGES_MS) {
    for (const window of splitByRange(left, rangeMs)) {
      if (!isOver(window, rangeMs, nowMs)) continue;
      const found = splitAround(window, isApart);
      groups.push(...found);
      const taken = new Set(found.flat());
      left = left.filter((block) => !taken.has(block));
    }
  }
  return groups.sort((a, b) => a[0].minTime - b[0].minTime);
}

/**
 * What can be merged of `blocks` without those that stay as they are. A merged block never reaches over
 * one of them, unless a source of it does: readers take blocks that overlap for work to do.
 */
export function splitAround(
  blocks: readonly BlockMeta[],
  isApart: (block: BlockMeta) => boolean,
): MergeGroup[] {
  const groups: BlockMeta[][] = [[]];
  for (const block of blocks) {
    if (isApart(block)) groups.push([]);
    else groups.at(-1)?.push(block);
  }
  return groups.filter((group) => group.length >= 2);
}

/** The ULIDs of blocks that share times with others; those that others are made of do not count. */
export function overlapping(blocks: readonly BlockMeta[]): ReadonlySet<string> {
  const found = new Set<string>();
  let furthest: BlockMeta | undefined;
  for (const block of withoutCovered(blocks).toSorted((a, b) => a.minTime - b.minTime)) {
    if (furthest !== undefined && block.minTime < furthest.maxTime) {
      found.add(furthest.ulid).add(block.ulid);
    }
    if (furthest === undefined || block.maxTime > furthest.maxTime) furthest = block;
  }
  return found;
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

/** Those of `blocks` that have all samples of `block`, those with most sources first. */
export function coveringBlocks(block: BlockMeta, blocks: readonly BlockMeta[]): BlockMeta[] {
  return blocks
    .filter((other) => other.compaction.level > 1 && isCovered(block, [other]))
    .sort((a, b) => b.compaction.sources.length - a.compaction.sources.length);
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
