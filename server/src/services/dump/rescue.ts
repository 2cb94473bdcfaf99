import { describeError, hasCode } from '../../base/errors.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import type { StoreBlocks } from '../blocksync/block-catalog.ts';
import type { BlockPlace } from '../blocksync/check-block.ts';
import { repairBlock } from '../blocksync/repair-block.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { blockDirOf } from '../../filestore/layout.ts';
import { unknownBlocks } from '../blocksync/plan.ts';
import type { BlockFolder } from './contents.ts';
import { folderOf } from './context.ts';
import type { DumpContext } from './context.ts';
import type { Collected } from './collect.ts';
import { copyKey } from './damage-book.ts';
import { missedBlocks, overlaps } from './plan.ts';

/** Of the damaged blocks that a job names; the log has all. */
const NAMED_MAX = 10;

/** A copy of a block that is damaged. */
interface DamagedCopy {
  readonly place: Omit<BlockFolder, 'meta'>;
  readonly ulid: string;
  readonly reason: string;
  /** undefined where its meta.json is what is damaged. */
  readonly known: BlockMeta | undefined;
}

/**
 * What can be saved of damaged blocks whose samples are not in those that were planned, as blocks of
 * their own; each is named, with what is lost.
 */
export async function rescueBlocks(
  context: DumpContext,
  held: StoreBlocks,
  local: readonly BlockMeta[],
  planned: readonly BlockFolder[],
): Promise<Collected> {
  const folders: BlockFolder[] = [];
  const notes: string[] = [];
  const present = planned.map(({ meta }) => meta);
  for (const copies of damagedCopies(context, held, local, present).values()) {
    const best = await repairBest(context, copies);
    const isElsewhere = best !== undefined && !overlaps(best.meta, context.run);
    if (isElsewhere) continue;
    if (best !== undefined) folders.push(best);
    notes.push(noteOf(context, copies[0], best?.meta.stats.numSamples));
  }
  return { folders, notes: shortened(notes) };
}

/** Those that nothing else stands in for, by ULID. */
function damagedCopies(
  context: DumpContext,
  { whole, broken }: StoreBlocks,
  local: readonly BlockMeta[],
  present: readonly BlockMeta[],
): Map<string, DamagedCopy[]> {
  const { book, run, target, database } = context;
  const result = new Map<string, DamagedCopy[]>();
  for (const [origin, metas] of [
    ['local', local],
    ['store', whole],
  ] as const) {
    for (const known of missedBlocks(metas, present)) {
      const { ulid } = known;
      const reason = book.damaged.get(copyKey(origin, ulid));
      if (reason === undefined || !overlaps(known, run)) continue;
      const copy = { place: folderOf(context, origin, known), ulid, reason, known };
      result.set(ulid, [...(result.get(ulid) ?? []), copy]);
    }
  }
  const known = new Set([...local, ...present].map(({ ulid }) => ulid));
  for (const { ulid, state, reason } of broken) {
    if (state === 'damaged' && !known.has(ulid))
      result.set(ulid, [unknownCopy(target, blockDirOf(ulid), ulid, reason)]);
  }
  const bad = database?.badBlocks?.() ?? [];
  for (const { ulid, error } of unknownBlocks(bad, [...whole, ...local])) {
    const copy = unknownCopy(database?.store ?? target, ulid, ulid, describeError(error));
    result.set(ulid, [...(result.get(ulid) ?? []), copy]);
  }
  return result;
}

function unknownCopy(store: FileStore, dir: string, ulid: string, reason: string): DamagedCopy {
  return { place: { store, dir, key: copyKey('made', ulid) }, ulid, reason, known: undefined };
}

/** The block with the most samples that can be made of one of the copies. */
async function repairBest(
  context: DumpContext,
  copies: readonly DamagedCopy[],
): Promise<BlockFolder | undefined> {
  const { database, workDir } = context;
  if (database === undefined) return undefined;
  const work = { store: database.store, dir: workDir };
  let best: BlockMeta | undefined;
  for (const { place, ulid, known } of copies) {
    const meta = await repaired(context, { place, ulid, known }, work);
    if (meta !== undefined && meta.stats.numSamples > (best?.stats.numSamples ?? 0)) best = meta;
  }
  if (best === undefined) return undefined;
  const { ulid } = best;
  return { store: work.store, dir: `${workDir}/${ulid}`, meta: best, key: copyKey('made', ulid) };
}

async function repaired(
  { run, options }: DumpContext,
  { place, ulid, known }: Pick<DamagedCopy, 'place' | 'ulid' | 'known'>,
  work: BlockPlace,
): Promise<BlockMeta | undefined> {
  try {
    return await repairBlock(place, ulid, known, work, run.signal, options);
  } catch (error) {
    if (run.signal.aborted || hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) throw error;
    options.logger.warn('A damaged block could not be repaired for a dump', {
      ulid,
      reason: describeError(error),
    });
    return undefined;
  }
}

function noteOf(
  { options, run }: DumpContext,
  { ulid, reason, known }: DamagedCopy,
  saved: number | undefined,
): string {
  const samples = known?.stats.numSamples;
  const details = { jobId: run.jobId, ulid, reason, samples, saved };
  options.logger.warn('A block is damaged, and a dump has not all of its samples', details);
  if (saved === undefined) return `Block ${ulid} is damaged and left out: ${reason}.`;
  const of = samples === undefined ? saved : `${saved} of ${samples}`;
  return `Block ${ulid} is damaged (${reason}); ${of} samples of it could be saved.`;
}

function shortened(notes: readonly string[]): string[] {
  if (notes.length <= NAMED_MAX) return [...notes];
  const more = notes.length - NAMED_MAX;
  return [...notes.slice(0, NAMED_MAX), `${more} more blocks are damaged; the log names them.`];
}
