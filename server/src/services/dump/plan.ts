import type { BlockMeta, TimeRange } from '../../tsdb/index.ts';
import { sourcesOf, withoutCovered } from '../blocksync/covered.ts';

/** A range of times with both ends included, as jobs have it. */
export interface DumpRange {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

export interface PlannedBlock {
  readonly meta: BlockMeta;
  /** `store`: from the file store; `local`: from the database's folder. */
  readonly from: 'store' | 'local';
}

/**
 * The blocks that go into a dump, oldest first: all that hold samples of the range, each sample once.
 * A block that is in the store and on the local disk is taken from the disk, which is nearer.
 */
export function planDump(
  store: readonly BlockMeta[],
  local: readonly BlockMeta[],
  range: DumpRange,
): PlannedBlock[] {
  const localUlids = new Set(local.map((block) => block.ulid));
  const known = new Map([...store, ...local].map((block) => [block.ulid, block]));
  return withoutCovered([...known.values()])
    .filter((block) => overlaps(block, range))
    .sort((a, b) => a.minTime - b.minTime || a.maxTime - b.maxTime)
    .map((meta) => ({
      meta,
      from: localUlids.has(meta.ulid) ? 'local' : 'store',
    }));
}

/** Those of `blocks` whose samples are not all in the blocks that are `present`. */
export function missedBlocks(
  blocks: readonly BlockMeta[],
  present: readonly BlockMeta[],
): BlockMeta[] {
  const ulids = new Set(present.map(({ ulid }) => ulid));
  const sources = new Set(present.flatMap(sourcesOf));
  return blocks.filter(
    (block) => !ulids.has(block.ulid) && !sourcesOf(block).every((source) => sources.has(source)),
  );
}

/** A block's maxTime is exclusive, the end of a range is not. */
export function overlaps(block: BlockMeta, range: DumpRange): boolean {
  return block.minTime <= range.maxTimeMs && block.maxTime > range.minTimeMs;
}

/** What is wanted of a block that reaches over an end of the range; undefined: all of it. */
export function partOf(block: BlockMeta, range: DumpRange): TimeRange | undefined {
  const minTimeMs = Math.max(block.minTime, range.minTimeMs);
  const maxTimeMs = Math.min(block.maxTime, range.maxTimeMs + 1);
  if (minTimeMs === block.minTime && maxTimeMs === block.maxTime) return undefined;
  return { minTimeMs, maxTimeMs };
}

/** The part of `range` that `blocks` reach; undefined without blocks. */
export function coveredRange(
  blocks: readonly BlockMeta[],
  range: DumpRange,
): DumpRange | undefined {
  if (blocks.length === 0) return undefined;
  const first = Math.min(...blocks.map((block) => block.minTime));
  const last = Math.max(...blocks.map((block) => block.maxTime - 1));
  return {
    minTimeMs: Math.max(first, range.minTimeMs),
    maxTimeMs: Math.min(last, range.maxTimeMs),
  };
}
