import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { isUlid } from '../../model/ulid.ts';
import { DELETION_SUFFIX } from '../block/block-writer.ts';
import { type BlockOnDisk, META_FILE, readBlockMeta } from '../block/meta.ts';

/** ULID, then a suffix that Prometheus or we give to folders that are being made or removed. */
const LEFTOVER_PATTERN = /^([0-9A-Z]{26})\.tmp(-for-(creation|deletion))?$/;

/** Removes what a process that ended in the middle of its work has left in `dir`. */
export async function removeLeftovers(fs: Fs, dir: string, logger: Logger): Promise<void> {
  for (const { name, isDirectory } of await fs.list(dir)) {
    if (!isDirectory || !isUlid(LEFTOVER_PATTERN.exec(name)?.[1] ?? '')) continue;
    await fs.removeTree(`${dir}/${name}`);
    logger.info('an unfinished block was removed', { path: `${dir}/${name}` });
  }
}

/** The whole blocks in `dir`, oldest first; others are left alone and reported. */
export async function listBlocks(fs: Fs, dir: string, logger: Logger): Promise<BlockOnDisk[]> {
  const blocks: BlockOnDisk[] = [];
  for (const { name, isDirectory } of await fs.list(dir)) {
    if (!isDirectory || !isUlid(name)) continue;
    const blockDir = `${dir}/${name}`;
    try {
      blocks.push({ meta: await readBlockMeta(fs, blockDir), dir: blockDir });
    } catch (error) {
      logger.warn('a block cannot be read and is left alone', { path: blockDir, error });
    }
  }
  return blocks.sort(byTime);
}

/** The blocks whose folders are there, and those that somebody has removed. */
export async function splitByPresence(
  fs: Fs,
  blocks: readonly BlockOnDisk[],
): Promise<{ present: BlockOnDisk[]; gone: BlockOnDisk[] }> {
  const present: BlockOnDisk[] = [];
  const gone: BlockOnDisk[] = [];
  for (const block of blocks) {
    const isThere = (await fs.stat(`${block.dir}/${META_FILE}`)) !== undefined;
    (isThere ? present : gone).push(block);
  }
  return { present, gone };
}

/** Oldest first. */
export function byTime({ meta: a }: BlockOnDisk, { meta: b }: BlockOnDisk): number {
  return a.minTime - b.minTime || a.maxTime - b.maxTime;
}

/** Removes a block so that a crash on the way leaves no half of it under its name. */
export async function removeBlock(fs: Fs, dir: string): Promise<void> {
  const renamed = dir + DELETION_SUFFIX;
  await fs.removeTree(renamed);
  await fs.rename(dir, renamed);
  await fs.removeTree(renamed);
}
