import type { DirLock } from '../../base/ports/fs.ts';
import type { BlockOnDisk } from '../block/meta.ts';
import { listChunkSnapshots, removeUnfinishedSnapshots } from '../head/chunk-snapshot-dirs.ts';
import { Head } from '../head/head.ts';
import { SeriesShares } from '../head/series-shares.ts';
import { HeadReplay, type ReplayResult } from '../head/replay.ts';
import { BLOCK_RANGE_MS, SERIES_MAX, WAL_SEGMENT_BYTES } from '../limits.ts';
import { removeUnfinishedCheckpoints } from '../wal/segments.ts';
import { WalWriter } from '../wal/wal-writer.ts';
import { listBlocks, removeLeftovers } from './block-folder.ts';
import { coveredUntil } from './covered-time.ts';
import { logDamage } from './log-damage.ts';
import type { DbOptions, LogDamage } from './options.ts';

export interface OpenedParts {
  readonly lock: DirLock;
  readonly head: Head;
  readonly wal: WalWriter;
  readonly blocks: readonly BlockOnDisk[];
  readonly hasSnapshot: boolean;
  readonly replay: ReplayResult;
  readonly damage: LogDamage | undefined;
}

/** Reads what is in the locked folder. */
export async function openParts(options: DbOptions, lock: DirLock): Promise<OpenedParts> {
  const { fs, dir, clock, logger } = options;
  await removeLeftovers(fs, dir, logger);
  await removeUnfinishedCheckpoints(fs, `${dir}/wal`);
  await removeUnfinishedSnapshots(fs, dir);
  const blocks = await listBlocks(fs, dir, logger);
  const seriesMax = options.seriesMax ?? SERIES_MAX;
  const head = new Head({
    clock,
    blockRangeMs: options.blockRangeMs ?? BLOCK_RANGE_MS,
    seriesMax,
    shares: new SeriesShares(seriesMax, options.labelBytesMax),
  });
  // What a block covers is not needed from the log: a crash between the two leaves it in both.
  head.raiseMinValidTime(coveredUntil(blocks.map(({ meta }) => meta)));
  const replay = await new HeadReplay(head, options).run();
  const segmentBytes = options.walSegmentBytes ?? WAL_SEGMENT_BYTES;
  const wal = new WalWriter(fs, `${dir}/wal`, replay.nextSegment, segmentBytes);
  const hasSnapshot = (await listChunkSnapshots(fs, dir)).length > 0;
  const damage = await logDamage(fs, `${dir}/wal`, replay.damage);
  return { lock, head, wal, blocks, replay, damage, hasSnapshot };
}
