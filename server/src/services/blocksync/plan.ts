import { dueBlocks, keptFromMs } from '../../tsdb/index.ts';
import { ulidTimeMs } from '../../model/ulid.ts';
import type { BadBlock, BlockMeta } from '../../tsdb/index.ts';
import { isCovered, sourcesOf } from './covered.ts';
import type { BrokenBlock, StoreBlocks } from './block-catalog.ts';

/** A folder of the store without a whole block is removed when nothing was written to it so long. */
const ORPHAN_AGE_MS = 24 * 60 * 60 * 1000;
/**
 * A clean-up removes blocks of at most so much time: a merged one has a day. Should the reference be
 * wrong after all, it takes little; and twelve days, after the retention was lowered from fifteen to
 * three, take twelve clean-ups, a day at the default period.
 */
const REMOVED_MS_MAX = 24 * 60 * 60 * 1000;

/**
 * Local blocks that the store lacks, oldest first: by their ULID and by the sources of merged blocks.
 * A broken copy counts as missing, except one that merely could not be read just now. Blocks past
 * the retention are not worth an upload.
 */
export function blocksToUpload(
  local: readonly BlockMeta[],
  store: StoreBlocks,
  nowMs: number,
  retentionMs: number,
): BlockMeta[] {
  const isWorthIt = (block: BlockMeta): boolean => keptFromMs(block, nowMs) > nowMs - retentionMs;
  const present = new Set(store.whole.map((block) => block.ulid));
  for (const { ulid, state } of store.broken) if (state === 'unreadable') present.add(ulid);
  return local
    .filter((block) => !present.has(block.ulid) && isWorthIt(block))
    .filter((block) => !isCovered(block, store.whole))
    .sort((a, b) => a.minTime - b.minTime);
}

/** Those of `bad` that no whole block stands for: neither one of that name, nor what was made of it. */
export function unknownBlocks(
  bad: readonly BadBlock[],
  whole: readonly BlockMeta[],
): readonly BadBlock[] {
  const known = new Set(whole.flatMap((block) => [block.ulid, ...sourcesOf(block)]));
  return bad.filter(({ ulid }) => !known.has(ulid));
}

/** Of the local blocks without a readable meta.json, what is worth a repair for the store. */
export function blocksToRepair(
  bad: readonly BadBlock[],
  { whole }: StoreBlocks,
  nowMs: number,
  retentionMs: number,
): readonly BadBlock[] {
  return unknownBlocks(bad, whole).filter(({ ulid }) => ulidTimeMs(ulid) > nowMs - retentionMs);
}

/** The oldest of the whole blocks that are past the retention, as many as one clean-up removes. */
export function expiredBlocks(store: StoreBlocks, nowMs: number, retentionMs: number): BlockMeta[] {
  const whole = store.whole.map((meta) => ({ meta }));
  return dueBlocks(whole, nowMs, retentionMs, REMOVED_MS_MAX).map(({ meta }) => meta);
}

/** A broken block of the store with the time of its newest file. */
export interface BrokenBlockAge {
  readonly block: BrokenBlock;
  /** Unix milliseconds; undefined: no file at all. */
  readonly newestFileMs: number | undefined;
}

/**
 * Broken blocks that nobody will ever complete: not ours to upload again, and untouched for a day,
 * so that no other node is at it. One with a damaged meta.json stays: its samples can be saved.
 */
export function orphanedBlocks(
  broken: readonly BrokenBlockAge[],
  local: ReadonlySet<string>,
  nowMs: number,
): BrokenBlock[] {
  return broken
    .filter(({ block }) => block.state === 'partial' && !local.has(block.ulid))
    .filter(
      ({ newestFileMs }) => newestFileMs !== undefined && nowMs - newestFileMs > ORPHAN_AGE_MS,
    )
    .map(({ block }) => block);
}
