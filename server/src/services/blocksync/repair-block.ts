import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { copyFile, listTree } from '../../filestore/file-store.ts';
import type { TreeFile } from '../../filestore/file-store.ts';
import { makeUlid } from '../../model/ulid.ts';
import { salvageTask } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import type { BlockPlace } from './check-block.ts';

export interface RepairOptions {
  readonly tasks: TaskRunner;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly logger: Logger;
}

/** A repair holds the index in memory. */
const INDEX_BYTES_MAX = 256 * 1024 * 1024;
/** What must stay free of the local disk: scraping has the right of way. */
const RESERVE_BYTES = 512 * 1024 * 1024;
const NO_ROOM = 'ERR_REPAIR_ROOM';
/** What says nothing of the block. */
const PASSING = [NO_ROOM, 'ERR_FS_FULL', 'ERR_FILESTORE_FULL', 'ERR_FILESTORE_NOT_FOUND'];

/**
 * Writes what can still be read of a damaged block as a new block, `<work>/<its ULID>`; the damaged one
 * stays. undefined when nothing can be read of it, or it is too large to be repaired here. Rejects when
 * the disk has no room: that may change.
 *
 * @param known what its meta.json said when it could be read
 * @param work a folder of a disk of this machine
 */
export async function repairBlock(
  place: BlockPlace,
  ulid: string,
  known: BlockMeta | undefined,
  work: BlockPlace,
  signal: AbortSignal,
  { tasks, clock, logger }: RepairOptions,
): Promise<BlockMeta | undefined> {
  const parentDir = work.store.localPath?.(work.dir);
  if (parentDir === undefined) return undefined;
  const files = await listTree(place.store, place.dir);
  const copyDir = `${work.dir}/damaged-${ulid}`;
  try {
    const indexBytes = files.find(({ path }) => path === 'index')?.sizeBytes ?? 0;
    if (indexBytes > INDEX_BYTES_MAX) return undefined;
    await checkRoom(files, work);
    let dir = place.store.localPath?.(place.dir);
    if (dir === undefined) {
      await copyAsIs(place, files, { store: work.store, dir: copyDir }, signal);
      dir = `${parentDir}/damaged-${ulid}`;
    }
    const input = { dir, name: ulid, parentDir, ulid: makeUlid(clock.nowMs()), known };
    return (await tasks.run(salvageTask, input, { signal })).meta;
  } catch (error) {
    if (signal.aborted || PASSING.some((code) => hasCode(error, code))) throw error;
    logger.warn('A damaged block could not be repaired', { ulid, reason: describeError(error) });
    return undefined;
  } finally {
    await work.store.removeTree(copyDir).catch(() => undefined);
  }
}

async function checkRoom(files: readonly TreeFile[], work: BlockPlace): Promise<void> {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const freeBytes = (await work.store.freeBytes?.()) ?? Infinity;
  const neededBytes = 2 * sizeBytes + RESERVE_BYTES;
  if (freeBytes >= neededBytes) return;
  const message = 'the local disk has no room to repair a damaged block';
  throw new CodedError(NO_ROOM, message, { neededBytes, freeBytes });
}

async function copyAsIs(
  from: BlockPlace,
  files: readonly TreeFile[],
  to: BlockPlace,
  signal: AbortSignal,
): Promise<void> {
  for (const { path } of files) {
    signal.throwIfAborted();
    const source = { store: from.store, path: `${from.dir}/${path}` };
    await copyFile(source, { store: to.store, path: `${to.dir}/${path}` });
  }
}
