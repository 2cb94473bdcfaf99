import type { Clock } from '../../base/clock.ts';
import { CodedError, codeOf, describeError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { listTree } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { blockDirOf } from '../../filestore/layout.ts';
import { makeUlid } from '../../model/ulid.ts';
import { mergeTask, verifyBlockTask } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import type { BlockCatalog } from '../blocksync/block-catalog.ts';
import { checkBlock, isDamage } from '../blocksync/check-block.ts';
import { copyBlock } from '../blocksync/copy-block.ts';
import { removeBlock } from '../blocksync/remove-block.ts';
import {
  coveredBlocks,
  coveringBlocks,
  expectedSamples,
  overlapping,
  planMerges,
  splitAround,
} from './plan.ts';
import type { MergeGroup } from './plan.ts';

export interface StoreUpkeepOptions {
  readonly catalog: BlockCatalog;
  readonly tasks: TaskRunner;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a dump, on whichever node, may be reading blocks of the store. */
  readonly isDumping: () => Promise<boolean>;
  /** Whether blocks that share times are merged; else they stay as they are. Default: yes. */
  readonly mergesOverlaps?: () => boolean;
  /** Whether a block holds samples of a wrong clock, which is merged with no other. */
  readonly isSetAside?: (block: BlockMeta) => boolean;
}

/** A local folder to work in; its store tells `localPath`. */
export type WorkStore = FileStore & Required<Pick<FileStore, 'localPath' | 'freeBytes'>>;

/** A block that readers will have trouble with. */
export interface DamagedBlock {
  readonly ulid: string;
  /** For people. */
  readonly reason: string;
}

/** Blocks that are being merged, in the database's folder: a disk that is known to be writable. */
const WORK_DIR = 'upkeep-work';
/** What must stay free of the local disk: scraping has the right of way. */
const RESERVE_BYTES = 512 * 1024 * 1024;
/** Blocks that could not be merged are tried again after this time: damage does not heal. */
const RETRY_MS = 24 * 60 * 60 * 1000;
/** The same for blocks with a file that does not answer, as long as its disk or mount hangs. */
const HANGING_RETRY_MS = 60 * 60 * 1000;

/** What a task fails with whose file call does not return. */
const HANGING = 'ERR_FS_HANGING';

/**
 * Merges the blocks of the file store to longer ones: a day in one block has the labels of a series
 * once and not twelve times, and a bucket with a twelfth of the objects. Chunks are copied as they
 * are. One caller at a time, and one node of a cluster.
 */
export class StoreUpkeep {
  readonly #options: StoreUpkeepOptions;
  /** When groups that failed may be tried again, monotonic, by the ULIDs of their blocks. */
  readonly #retryMs = new Map<string, number>();
  /** Merged blocks that were read back and found to be whole: for one run, since things change. */
  readonly #whole = new Set<string>();
  /** Blocks that are left as they are, by ULID. */
  readonly #apart = new Map<string, { readonly reason: string; readonly retryMs: number }>();

  constructor(options: StoreUpkeepOptions) {
    this.#options = options;
  }

  /** Blocks that were found to be damaged: they stay as they are, and others are merged around them. */
  get damaged(): readonly DamagedBlock[] {
    return [...this.#apart].map(([ulid, { reason }]) => ({ ulid, reason }));
  }

  /**
   * Removes what is merged, then merges what can be. Neither a damaged block nor a group that fails
   * keeps the others from being merged; a store that fails ends the run.
   *
   * @param oldestMs blocks that end before are past the retention, and left to the clean-up
   * @returns how many blocks were made
   */
  async run(
    store: FileStore,
    work: WorkStore,
    oldestMs: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { catalog, clock, mergesOverlaps = () => true, isSetAside = () => false } = this.#options;
    await work.removeTree(WORK_DIR);
    this.#whole.clear();
    await this.#removeMerged(store, signal);
    const { whole, broken } = await catalog.list(store);
    this.#forgetApart([...whole, ...broken]);
    for (const { ulid, state, reason } of broken) {
      if (state === 'damaged' && !this.#apart.has(ulid)) this.#noteApart(ulid, reason);
    }
    const counting = whole.filter((block) => !isSetAside(block));
    const kept = mergesOverlaps() ? new Set<string>() : overlapping(counting);
    const isApart = ({ ulid }: BlockMeta): boolean => this.#apart.has(ulid) || kept.has(ulid);
    const groups = planMerges(counting, clock.nowMs(), oldestMs, isApart);
    let made = 0;
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      signal.throwIfAborted();
      if (this.#isPutOff(group)) continue;
      const outcome = await this.#tryMerge(group, store, work, signal);
      if (outcome === 'damage found') groups.unshift(...splitAround(group, isApart));
      if (outcome !== 'merged') continue;
      made++;
      await this.#removeMerged(store, signal);
    }
    return made;
  }

  async #tryMerge(
    group: MergeGroup,
    store: FileStore,
    work: WorkStore,
    signal: AbortSignal,
  ): Promise<'merged' | 'failed' | 'damage found'> {
    const { logger, clock } = this.#options;
    const first = group[0].ulid;
    let blockDirs: readonly string[] = [];
    try {
      blockDirs = await this.#fetch(group, store, work, signal);
      const merged = await this.#merge(group, blockDirs, store, work, signal);
      logger.info('Blocks of the file store merged', {
        blocks: group.length,
        ulid: merged.ulid,
        hours: Math.round((merged.maxTime - merged.minTime) / 3_600_000),
      });
      return 'merged';
    } catch (error) {
      if (signal.aborted || isStoreFailure(error)) throw error;
      // Found while it was fetched: the others of the group may not be here yet.
      const damaged = group.find(({ ulid }) => isDamageOf(error, ulid));
      if (damaged !== undefined) {
        this.#noteApart(damaged.ulid, error);
        return 'damage found';
      }
      const isHanging = hasCode(error, HANGING);
      if (!isHanging && (await this.#setApart(group, blockDirs, signal))) return 'damage found';
      const waitMs = isHanging ? HANGING_RETRY_MS : RETRY_MS;
      this.#retryMs.set(keyOf(group), clock.monotonicMs() + waitMs);
      logger.warn('Blocks of the file store could not be merged and stay as they are', {
        blocks: group.length,
        first,
        reason: describeError(error),
      });
      return 'failed';
    } finally {
      await work.removeTree(WORK_DIR);
    }
  }

  /** Local folders with the blocks of a group: their own, where the store is a disk. */
  async #fetch(
    group: MergeGroup,
    store: FileStore,
    work: WorkStore,
    signal: AbortSignal,
  ): Promise<string[]> {
    const blockDirs: string[] = [];
    await this.#checkSpace(group, store, work);
    for (const { ulid } of group) {
      const near = store.localPath?.(blockDirOf(ulid));
      if (near === undefined) await fetchBlock(store, ulid, work, signal);
      blockDirs.push(near ?? work.localPath(`${WORK_DIR}/sources/${ulid}`));
    }
    return blockDirs;
  }

  /** Sets the damaged ones of a group apart; whether there are any. */
  async #setApart(
    group: MergeGroup,
    blockDirs: readonly string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { tasks } = this.#options;
    let isSomeDamaged = false;
    for (const [i, dir] of blockDirs.entries()) {
      try {
        await tasks.run(verifyBlockTask, { dir }, { signal });
      } catch (error) {
        if (signal.aborted) throw error;
        // What does not answer may be whole, and each look costs a thread.
        if (hasCode(error, HANGING)) break;
        this.#noteApart(group[i].ulid, error);
        isSomeDamaged = true;
      }
    }
    return isSomeDamaged;
  }

  #noteApart(ulid: string, error: unknown): void {
    const { clock, logger } = this.#options;
    const reason = describeError(error);
    logger.warn('A block of the file store is damaged and stays as it is', { ulid, reason });
    this.#apart.set(ulid, { reason, retryMs: clock.monotonicMs() + RETRY_MS });
  }

  /** Blocks that are gone, and those that may have been repaired since. */
  #forgetApart(blocks: readonly { readonly ulid: string }[]): void {
    const present = new Set(blocks.map(({ ulid }) => ulid));
    const nowMs = this.#options.clock.monotonicMs();
    for (const [ulid, { retryMs }] of this.#apart) {
      if (!present.has(ulid) || retryMs <= nowMs) this.#apart.delete(ulid);
    }
  }

  async #merge(
    group: MergeGroup,
    blockDirs: readonly string[],
    store: FileStore,
    work: WorkStore,
    signal: AbortSignal,
  ): Promise<BlockMeta> {
    const { tasks, clock } = this.#options;
    const ulid = makeUlid(clock.nowMs());
    const parentDir = work.localPath(`${WORK_DIR}/merged`);
    const merged = await tasks.run(mergeTask, { blockDirs, parentDir, ulid }, { signal });
    if (merged === undefined) {
      throw new CodedError('ERR_UPKEEP', 'no sample is left of the blocks');
    }
    await tasks.run(verifyBlockTask, { dir: `${parentDir}/${ulid}` }, { signal });
    const { least, most } = expectedSamples(group);
    const found = merged.stats.numSamples;
    if (found < least || found > most) {
      throw new CodedError('ERR_UPKEEP', 'the merged block has not the samples of its sources', {
        expected: least === most ? most : `${least} to ${most}`,
        found,
      });
    }
    try {
      const made = { store: work, dir: `${WORK_DIR}/merged/${ulid}` };
      await copyBlock(ulid, made, { store, dir: blockDirOf(ulid) }, signal);
    } catch (error) {
      // What stays in spite of this is no whole block, and removed by the clean-up after a day.
      await removeBlock(store, ulid).catch(() => undefined);
      throw error;
    }
    return merged;
  }

  /**
   * Only blocks that are wholly in another one go, once that was read back from the store, and none
   * while a dump runs. One that begins at this very moment finds its blocks gone and is planned anew,
   * with the merged ones.
   */
  async #removeMerged(store: FileStore, signal: AbortSignal): Promise<void> {
    const { catalog, logger, isDumping } = this.#options;
    const { whole } = await catalog.list(store);
    for (const block of coveredBlocks(whole)) {
      signal.throwIfAborted();
      const { ulid } = block;
      if (!(await this.#isSomeWhole(coveringBlocks(block, whole), store, signal))) continue;
      if (await isDumping()) return;
      await removeBlock(store, ulid);
      logger.debug('A block that was merged is removed from the file store', { ulid });
    }
  }

  /** Whether one of the blocks is as it was written, by all of its bytes in the store. */
  async #isSomeWhole(
    blocks: readonly BlockMeta[],
    store: FileStore,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const { ulid } of blocks) {
      if (this.#whole.has(ulid)) return true;
      if (this.#apart.has(ulid)) continue;
      try {
        await checkBlock({ store, dir: blockDirOf(ulid) }, ulid, signal);
        this.#whole.add(ulid);
        return true;
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.#noteApart(ulid, error);
      }
    }
    return false;
  }

  async #checkSpace(group: MergeGroup, store: FileStore, work: WorkStore): Promise<void> {
    let sizeBytes = 0;
    for (const { ulid } of group) {
      for (const file of await listTree(store, blockDirOf(ulid))) sizeBytes += file.sizeBytes;
    }
    // The sources, where they have to be fetched, and the merged block.
    const neededBytes = sizeBytes * (store.localPath === undefined ? 2 : 1) + RESERVE_BYTES;
    const freeBytes = await work.freeBytes();
    if (freeBytes >= neededBytes) return;
    throw new CodedError('ERR_UPKEEP', 'the local disk has no room to merge blocks', {
      neededBytes,
      freeBytes,
    });
  }

  #isPutOff(group: MergeGroup): boolean {
    return (this.#retryMs.get(keyOf(group)) ?? 0) > this.#options.clock.monotonicMs();
  }
}

async function fetchBlock(
  store: FileStore,
  ulid: string,
  work: WorkStore,
  signal: AbortSignal,
): Promise<void> {
  const dir = blockDirOf(ulid);
  await copyBlock(
    ulid,
    { store, dir },
    { store: work, dir: `${WORK_DIR}/sources/${ulid}` },
    signal,
  );
}

function keyOf(group: MergeGroup): string {
  return group.map(({ ulid }) => ulid).join();
}

function isDamageOf(error: unknown, ulid: string): boolean {
  return error instanceof CodedError && isDamage(error) && error.details.ulid === ulid;
}

/** What would befall the other groups as well; a block that went away concerns its own group only. */
function isStoreFailure(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return code.startsWith('ERR_FILESTORE') && code !== 'ERR_FILESTORE_NOT_FOUND';
}
