import type { BlockMeta } from '../block/meta.ts';
import type { BlockCompaction } from '../block/meta.ts';

// Which blocks to merge, and what the result says about itself: pure functions of what meta.json
// says. Mirrors LeveledCompactor.plan and CompactBlockMetas of Prometheus tsdb/compact.go.

/** A block with more than this share of its series deleted is written anew. */
const TOMBSTONE_SHARE = 0.05;

/**
 * The blocks to merge next, oldest first; empty when there is nothing to do. Overlapping blocks go
 * first, then the smallest range that is complete. The newest block is left alone, so that whoever
 * copies blocks one by one has time to.
 * @param rangesMs lengths to merge to, ascending; the first is that of the blocks of a head
 */
export function planMerge(
  blocks: readonly BlockMeta[],
  rangesMs: readonly number[],
): readonly BlockMeta[] {
  const sorted = blocks.toSorted((a, b) => a.minTime - b.minTime);
  const overlapping = firstOverlap(sorted);
  if (overlapping.length > 0) return overlapping;
  const older = sorted.slice(0, -1);
  const complete = firstCompleteRange(older, rangesMs.slice(1));
  if (complete.length > 0) return complete;
  return firstWithManyTombstones(older, rangesMs[Math.floor(rangesMs.length / 2)]);
}

/** @param sorted by minTime */
export function firstOverlap(sorted: readonly BlockMeta[]): readonly BlockMeta[] {
  const overlapping: BlockMeta[] = [];
  let endMs = -Infinity;
  for (const [i, block] of sorted.entries()) {
    if (block.minTime < endMs) {
      if (overlapping.length === 0) overlapping.push(sorted[i - 1]);
      overlapping.push(block);
    } else if (overlapping.length > 0) {
      break;
    }
    endMs = Math.max(endMs, block.maxTime);
  }
  return overlapping;
}

function firstCompleteRange(
  blocks: readonly BlockMeta[],
  rangesMs: readonly number[],
): readonly BlockMeta[] {
  const newest = blocks.at(-1);
  if (newest === undefined) return [];
  for (const rangeMs of rangesMs) {
    for (const group of splitByRange(blocks, rangeMs)) {
      if (group.length < 2 || group.some(({ compaction }) => compaction.failed === true)) continue;
      const endMs = group[group.length - 1].maxTime;
      // A range counts as complete when it is full, or when newer blocks have begun.
      if (endMs - group[0].minTime === rangeMs || endMs <= newest.minTime) return group;
    }
  }
  return [];
}

/** Groups of blocks that lie in the same window of a grid; blocks that fit in none are left out. */
export function splitByRange(blocks: readonly BlockMeta[], rangeMs: number): BlockMeta[][] {
  const groups: BlockMeta[][] = [];
  let at = 0;
  while (at < blocks.length) {
    const endMs = Math.floor(blocks[at].minTime / rangeMs) * rangeMs + rangeMs;
    if (blocks[at].maxTime > endMs) {
      at++;
      continue;
    }
    const group: BlockMeta[] = [];
    while (at < blocks.length && blocks[at].maxTime <= endMs) group.push(blocks[at++]);
    groups.push(group);
  }
  return groups;
}

function firstWithManyTombstones(
  blocks: readonly BlockMeta[],
  rangeMs: number,
): readonly BlockMeta[] {
  for (const block of blocks.toReversed()) {
    const { numTombstones = 0, numSeries } = block.stats;
    if (block.maxTime - block.minTime < rangeMs) {
      return numTombstones > 0 && numTombstones >= numSeries ? [block] : [];
    }
    if (numTombstones / (numSeries + 1) > TOMBSTONE_SHARE) return [block];
  }
  return [];
}

/** Range and origin of the block that these are merged to. */
export function mergedMeta(
  blocks: readonly BlockMeta[],
): Pick<BlockMeta, 'minTime' | 'maxTime'> & { readonly compaction: BlockCompaction } {
  const level = Math.max(...blocks.map(({ compaction }) => compaction.level)) + 1;
  // ULIDs are ASCII: the default order is that of their bytes.
  const sources = [...new Set(blocks.flatMap(({ compaction }) => compaction.sources))].sort();
  const parents = blocks.map(({ ulid, minTime, maxTime }) => ({ ulid, minTime, maxTime }));
  return {
    minTime: Math.min(...blocks.map(({ minTime }) => minTime)),
    maxTime: Math.max(...blocks.map(({ maxTime }) => maxTime)),
    compaction: { level, sources, parents },
  };
}
