import { CodedError, describeError } from '../../base/errors.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import { readSmallFile } from '../../filestore/file-store.ts';
import { META_FILE_NAME, META_SIZE_BYTES_MAX, dumpHeadDirOf } from '../../filestore/layout.ts';
import { decodeBlockMeta, lostSamples } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import type { StoreBlocks } from '../blocksync/block-catalog.ts';
import { checkBlock, isDamage } from '../blocksync/check-block.ts';
import { cutBlock } from './block-cutter.ts';
import type { BlockFolder } from './contents.ts';
import { folderOf } from './context.ts';
import type { DumpContext } from './context.ts';
import { copyKey } from './damage-book.ts';
import type { DumpDatabase } from './dump-service.ts';
import { partOf, planDump } from './plan.ts';
import { rescueBlocks } from './rescue.ts';

/** Longer than a sound disk takes, for the largest head: a disk that hangs ends a dump, and no other. */
const HEAD_LIMIT_MS = 5 * 60_000;

export interface Collected {
  readonly folders: readonly BlockFolder[];
  /** What is not in the folders, as sentences for people. */
  readonly notes: readonly string[];
}

/**
 * What goes into one try of a dump: folders of blocks, none of which is known to be damaged.
 *
 * The head is written before the local blocks are listed: what is cut from it in between is then in a
 * block twice, which readers tolerate, and never nowhere.
 */
export async function collectBlocks(context: DumpContext): Promise<Collected> {
  const { options, run, target, database } = context;
  const notes: string[] = [];
  const folders: BlockFolder[] = [];
  const remote = await scraperHead(context);
  if (remote.folder !== undefined) folders.push(remote.folder);
  if (remote.note !== undefined) notes.push(remote.note);
  const head = database === undefined ? undefined : await writeHead(context, database);
  if (database === undefined && remote.isOurs) {
    notes.push('The newest samples are missing: the database could not be opened.');
  }
  run.signal.throwIfAborted();
  const held = await options.catalog.list(target);
  const local = database?.blocks() ?? [];
  const planned = await planWhole(context, held.whole, local);
  const rescued = await rescueBlocks(context, held, local, planned);
  for (const folder of [...planned, ...rescued.folders]) {
    const wanted = await cutToRange(context, folder);
    if (wanted !== undefined) folders.push(wanted);
  }
  if (head !== undefined) folders.push(head);
  notes.push(...rescued.notes, ...lossesOf(planned), ...unreadableBlocks(context, held));
  notes.push(...(await options.missingSamples()));
  return { folders, notes };
}

/** The folders of the plan, without those that are known to be damaged. */
async function planWhole(
  context: DumpContext,
  store: readonly BlockMeta[],
  local: readonly BlockMeta[],
): Promise<BlockFolder[]> {
  const { book, run } = context;
  for (;;) {
    const plan = planDump(
      store.filter(({ ulid }) => !book.isDamaged(copyKey('store', ulid))),
      local.filter(({ ulid }) => !book.isDamaged(copyKey('local', ulid))),
      run,
    );
    const folders = plan.map(({ meta, from }) => folderOf(context, from, meta));
    let isSomeDamaged = false;
    for (const folder of folders) {
      if (!(await isWhole(context, folder))) isSomeDamaged = true;
    }
    // Another copy, or the blocks that a damaged one was merged of, may take its place.
    if (!isSomeDamaged) return folders;
  }
}

async function isWhole({ book, run }: DumpContext, folder: BlockFolder): Promise<boolean> {
  const { key, meta } = folder;
  if (!book.isToBeChecked(key)) return true;
  try {
    await checkBlock(folder, meta.ulid, run.signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    book.noteDamaged(key, error);
    return false;
  }
  book.noteWhole(key);
  return true;
}

/** The newest samples of the instance that scrapes, when that is another one. */
async function scraperHead(
  context: DumpContext,
): Promise<{ isOurs: boolean; folder?: BlockFolder; note?: string }> {
  const { options, run, target, book } = context;
  const { jobId, signal } = run;
  try {
    const answer = await options.askScraper(run);
    if (answer?.ulid === undefined) return { isOurs: answer === undefined };
    const dir = `${dumpHeadDirOf(jobId)}/${answer.ulid}`;
    const path = `${dir}/${META_FILE_NAME}`;
    const bytes = await readSmallFile(target, path, META_SIZE_BYTES_MAX);
    const meta = decodeBlockMeta(bytes, path);
    if (meta.ulid !== answer.ulid) {
      const details = { path, expected: answer.ulid, found: meta.ulid };
      throw new CodedError('ERR_BLOCK_META', 'not a block: it has the name of another', details);
    }
    const key = copyKey('made', answer.ulid);
    const folder = { store: target, dir, meta, key };
    if (book.isToBeChecked(key)) await checkBlock(folder, meta.ulid, signal);
    return { isOurs: false, folder };
  } catch (error) {
    signal.throwIfAborted();
    options.logger.warn('A dump goes without the newest samples', { jobId, error });
    return { isOurs: false, note: `The newest minutes are missing: ${describeError(error)}.` };
  }
}

async function writeHead(
  { options, run, workDir }: DumpContext,
  database: DumpDatabase,
): Promise<BlockFolder | undefined> {
  // A job's range includes its last millisecond, a block's does not.
  const range = { minTimeMs: run.minTimeMs, maxTimeMs: run.maxTimeMs + 1 };
  const written = database.writeHeadBlock(workDir, range);
  const limitMs = HEAD_LIMIT_MS;
  const meta = await withTimeout(options.clock, limitMs, written, () => {
    const message =
      'the newest samples could not be had: the disk of the TSDB Path does not answer';
    return new CodedError('ERR_NO_ANSWER', message, { limitMs });
  });
  if (meta === undefined) return undefined;
  const key = copyKey('made', meta.ulid);
  return { store: database.store, dir: `${workDir}/${meta.ulid}`, meta, key };
}

/** undefined when the block has no sample in the range. */
async function cutToRange(
  { options, run, database, workDir }: DumpContext,
  folder: BlockFolder,
): Promise<BlockFolder | undefined> {
  const part = partOf(folder.meta, run);
  if (part === undefined || database === undefined) return folder;
  return cutBlock(folder, part, { store: database.store, dir: workDir }, run.signal, options);
}

/** What is said of blocks that were stored in place of damaged ones. */
function lossesOf(folders: readonly BlockFolder[]): string[] {
  return folders
    .map(({ meta }) => ({ ulid: meta.ulid, lost: lostSamples(meta) }))
    .filter(({ lost }) => lost > 0)
    .map(({ ulid, lost }) => `Block ${ulid} was made of a damaged one; ${lost} samples are lost.`);
}

/** What is said of blocks that the store would not let us read. */
function unreadableBlocks({ options, run }: DumpContext, { broken }: StoreBlocks): string[] {
  const unreadable = broken.filter((block) => block.state === 'unreadable');
  if (unreadable.length === 0) return [];
  const names = unreadable.map((block) => block.ulid).join(', ');
  options.logger.warn('Blocks of the file store could not be read for a dump', {
    jobId: run.jobId,
    blocks: names,
    reason: unreadable[0].reason,
  });
  return [`Blocks that could not be read are missing: ${names}.`];
}
