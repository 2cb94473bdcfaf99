import type { BlockMeta } from '../../tsdb/index.ts';

/**
 * Whether all samples of `block` are in one of `others` too: a merged block names the level-1 blocks
 * it was made of in `compaction.sources`. Of two blocks with the same sources the one that was made
 * later (its ULID is greater) covers the other. One that was cut to the range of a dump names the same
 * sources and covers none: blocks of an unpacked dump may come into a store.
 */
export function isCovered(block: BlockMeta, others: Iterable<BlockMeta>): boolean {
  const sources = sourcesOf(block);
  for (const other of others) {
    if (other.ulid === block.ulid) continue;
    if (other.minTime > block.minTime || other.maxTime < block.maxTime) continue;
    const theirs = new Set(sourcesOf(other));
    if (!sources.every((source) => theirs.has(source))) continue;
    if (theirs.size > sources.length || other.ulid > block.ulid) return true;
  }
  return false;
}

/** The blocks of `blocks` that no other one of them covers. */
export function withoutCovered(blocks: readonly BlockMeta[]): BlockMeta[] {
  const merged = blocks.filter((block) => block.compaction.level > 1);
  return blocks.filter((block) => !isCovered(block, merged));
}

/** The blocks of level 1 that the block's samples came from. */
export function sourcesOf(block: BlockMeta): readonly string[] {
  return block.compaction.sources.length > 0 ? block.compaction.sources : [block.ulid];
}
