import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { CodedError } from '../../base/errors.ts';
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

/** A folder with the name of a block and without a meta.json of this block that can be read. */
export interface BadBlock {
  readonly ulid: string;
  readonly error: unknown;
}

/** What a folder holds. */
export interface FolderBlocks {
  /** Whole blocks, oldest first. */
  readonly blocks: readonly BlockOnDisk[];
  /** They stay, and count for nothing. */
  readonly bad: readonly BadBlock[];
}

export async function listBlocks(fs: Fs, dir: string, logger: Logger): Promise<FolderBlocks> {
  const blocks: BlockOnDisk[] = [];
  const bad: BadBlock[] = [];
  for (const { name, isDirectory } of await fs.list(dir)) {
    if (!isDirectory || !isUlid(name)) continue;
    const blockDir = `${dir}/${name}`;
    try {
      const meta = await readBlockMeta(fs, blockDir);
      if (meta.ulid !== name) {
        const details = { expected: name, found: meta.ulid };
        throw new CodedError('ERR_BLOCK_META', 'meta.json is that of another block', details);
      }
      blocks.push({ meta, dir: blockDir });
    } catch (error) {
      logger.warn('a block cannot be read and is left alone', { path: blockDir, error });
      bad.push({ ulid: name, error });
    }
  }
  return { blocks: blocks.sort(byTime), bad };
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
