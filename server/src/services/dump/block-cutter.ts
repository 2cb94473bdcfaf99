import type { Clock } from '../../base/clock.ts';
import { describeError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { makeUlid } from '../../model/ulid.ts';
import { mergeTask } from '../../tsdb/index.ts';
import type { TimeRange } from '../../tsdb/index.ts';
import { copyBlock } from '../blocksync/copy-block.ts';
import type { BlockFolder } from './contents.ts';
import { copyKey } from './damage-book.ts';

/** A folder on a disk of this machine. */
export interface WorkFolder {
  readonly store: BlockFolder['store'];
  /** Its path in the store. */
  readonly dir: string;
}

export interface BlockCutterOptions {
  readonly tasks: TaskRunner;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes the part of a block that lies in a range as a block of its own, into the work folder; chunks
 * are copied, but for those at the ends. undefined when there is no sample in the range.
 *
 * A block that cannot be cut (its histograms are not taken apart, or the local disk is full) comes
 * back whole: too much is better than too little.
 */
export async function cutBlock(
  folder: BlockFolder,
  range: TimeRange,
  work: WorkFolder,
  signal: AbortSignal,
  { tasks, clock, logger }: BlockCutterOptions,
): Promise<BlockFolder | undefined> {
  const parent = work.store.localPath?.(work.dir);
  if (parent === undefined) return folder;
  const copyDir = `${work.dir}/copy-of-${folder.meta.ulid}`;
  try {
    const source = folder.store.localPath?.(folder.dir);
    if (source === undefined)
      await copyBlock(folder.meta.ulid, folder, { store: work.store, dir: copyDir }, signal);
    const input = {
      blockDirs: [source ?? `${parent}/copy-of-${folder.meta.ulid}`],
      parentDir: parent,
      ulid: makeUlid(clock.nowMs()),
      range,
    };
    const meta = await tasks.run(mergeTask, input, { signal });
    if (meta === undefined) return undefined;
    const key = copyKey('made', meta.ulid);
    return { store: work.store, dir: `${work.dir}/${meta.ulid}`, meta, key };
  } catch (error) {
    if (signal.aborted || hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) throw error;
    logger.warn('A block was not cut to the range of a dump, which holds all of it', {
      ulid: folder.meta.ulid,
      reason: describeError(error),
    });
    return folder;
  } finally {
    await work.store.removeTree(copyDir).catch(() => undefined);
  }
}
