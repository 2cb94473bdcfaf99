import { keptFromMs } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';

/** Between which times samples count, Unix milliseconds; see `ReferenceTime`. */
export interface TimeBounds {
  /** Where ages are counted from; -Infinity while nothing may be removed. */
  readonly presentMs: number;
  /** No sample that is right is newer; Infinity while that is not known. */
  readonly horizonMs: number;
  /** Samples that are older are past the retention. */
  readonly oldestMs: number;
}

/**
 * Whether a block holds samples of a clock that was wrong: they are newer than any can be, or older
 * than the retention in a block that was made since. It stays, and counts for nothing.
 */
export function isSetAside(block: BlockMeta, bounds: TimeBounds): boolean {
  const { presentMs, horizonMs, oldestMs } = bounds;
  if (block.maxTime > horizonMs) return true;
  return block.maxTime <= oldestMs && keptFromMs(block, presentMs) > oldestMs;
}
