import { ulidTimeMs } from '../../model/ulid.ts';
import type { BlockMeta } from '../block/meta.ts';
import { CLOCK_JUMP_MS } from '../limits.ts';

/**
 * The time up to which blocks hold what the log may hold as well, -Infinity without blocks. A block
 * that reaches beyond the time at which it was made, or beyond `horizonMs`, holds
 * samples of a clock that ran ahead. It says nothing about those that were scraped after the clock was
 * put right.
 */
export function coveredUntil(blocks: readonly BlockMeta[], horizonMs: number): number {
  return blocks
    .filter(({ ulid, maxTime }) => {
      return maxTime <= Math.min(ulidTimeMs(ulid) + CLOCK_JUMP_MS, horizonMs);
    })
    .reduce((end, { maxTime }) => Math.max(end, maxTime), -Infinity);
}
