import type { DirLock } from '../../base/ports/fs.ts';
import { listChunkSnapshots, removeUnfinishedSnapshots } from '../head/chunk-snapshot-dirs.ts';
import { Head } from '../head/head.ts';
import { SeriesShares } from '../head/series-shares.ts';
import { HeadReplay, type ReplayResult } from '../head/replay.ts';
import { BLOCK_RANGE_MS, SERIES_MAX, WAL_SEGMENT_BYTES } from '../limits.ts';
import { removeUnfinishedCheckpoints } from '../wal/segments.ts';
import { WalWriter } from '../wal/wal-writer.ts';
import { type FolderBlocks, listBlocks, removeLeftovers } from './block-folder.ts';
import { DbReference } from './db-reference.ts';
import { logDamage } from './log-damage.ts';
import type { DbOptions, LogDamage } from './options.ts';
import { removeUnfinishedReference } from './reference-file.ts';

/** What a database begins with. */
export interface OpenedParts {
  readonly lock: DirLock;
  readonly head: Head;
  readonly wal: WalWriter;
  readonly found: FolderBlocks;
  readonly reference: DbReference;
  readonly hasSnapshot: boolean;
  readonly replay: ReplayResult;
  readonly damage: LogDamage | undefined;
}

/** Reads a locked folder: its blocks, its reference time and its log. */
export async function openParts(options: DbOptions, lock: DirLock): Promise<OpenedParts> {
  const { fs, dir, clock, logger } = options;
  await removeLeftovers(fs, dir, logger);
  await removeUnfinishedCheckpoints(fs, `${dir}/wal`);
  await removeUnfinishedSnapshots(fs, dir);
  await removeUnfinishedReference(fs, dir);
  const found = await listBlocks(fs, dir, logger);
  const reference = await DbReference.open(options, found.blocks);
  const seriesMax = options.seriesMax ?? SERIES_MAX;
  const head = new Head({
    clock,
    blockRangeMs: options.blockRangeMs ?? BLOCK_RANGE_MS,
    seriesMax,
    shares: new SeriesShares(seriesMax, options.labelBytesMax),
  });
  // What a block covers is not needed from the log: a crash between the two leaves it in both.
  head.raiseMinValidTime(reference.coveredMs);
  const replay = await new HeadReplay(head, options).run();
  if (head.sampleCount > 0) reference.time.derive(head.minTimeMs, head.maxTimeMs);
  const segmentBytes = options.walSegmentBytes ?? WAL_SEGMENT_BYTES;
  const wal = new WalWriter(fs, `${dir}/wal`, replay.nextSegment, segmentBytes);
  const hasSnapshot = (await listChunkSnapshots(fs, dir)).length > 0;
  const damage = await logDamage(fs, `${dir}/wal`, replay.damage);
  return { lock, head, wal, found, reference, replay, damage, hasSnapshot };
}
