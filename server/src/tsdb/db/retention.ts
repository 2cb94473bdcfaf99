import type { BlockOnDisk } from '../block/meta.ts';

/**
 * The blocks that have outlived `retentionMs`. Time is counted back from the newest sample, not from
 * a clock that runs ahead: a wrong clock must not remove anything, and a database that stood still
 * keeps what it has until there is something newer.
 * @param headMaxTimeMs of the newest sample in the head, undefined while it is empty
 */
export function expiredBlocks(
  blocks: readonly BlockOnDisk[],
  headMaxTimeMs: number | undefined,
  nowMs: number,
  retentionMs: number,
): readonly BlockOnDisk[] {
  let newestMs = headMaxTimeMs ?? -Infinity;
  for (const { meta } of blocks) newestMs = Math.max(newestMs, meta.maxTime);
  const limitMs = Math.min(newestMs, nowMs) - retentionMs;
  return blocks.filter(({ meta }) => meta.maxTime <= limitMs);
}
