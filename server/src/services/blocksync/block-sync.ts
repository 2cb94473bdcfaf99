import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { listTree } from '../../filestore/file-store.ts';
import type { FileStore, TreeFile } from '../../filestore/file-store.ts';
import { blockDirOf } from '../../filestore/layout.ts';
import type { BadBlock, BlockMeta } from '../../tsdb/index.ts';
import type { BlockCatalog } from './block-catalog.ts';
import { isDamage } from './check-block.ts';
import { copyBlock } from './copy-block.ts';
import { DamagedUploads } from './damaged-uploads.ts';
import type { DamagedUpload } from './damaged-uploads.ts';
import { blocksToRepair, blocksToUpload, expiredBlocks, orphanedBlocks } from './plan.ts';
import { removeBlock } from './remove-block.ts';

/** The blocks of the local database. */
export interface LocalBlocks {
  blocks(): readonly BlockMeta[];
  /** Folders of blocks without a readable meta.json. */
  badBlocks?(): readonly BadBlock[];
  /** The database's folder; a block lies in the folder of its ULID. */
  readonly store: FileStore;
}

export interface BlockSyncOptions {
  readonly catalog: BlockCatalog;
  readonly tasks: TaskRunner;
  /** Ages are counted from its time: the reference, not the time of day. */
  readonly clock: Pick<Clock, 'nowMs'>;
  /** The same for remains of uploads; default: the same. */
  readonly remains?: Pick<Clock, 'nowMs'>;
  readonly logger: Logger;
}

/** Brings local blocks to the file store, and takes old ones away there. */
export class BlockSync {
  readonly #options: BlockSyncOptions;
  readonly #damage: DamagedUploads;

  constructor(options: BlockSyncOptions) {
    this.#options = options;
    this.#damage = new DamagedUploads(options);
  }

  /** Local blocks that were found to be damaged when it was their turn, with what became of them. */
  get damaged(): readonly DamagedUpload[] {
    return this.#damage.list();
  }

  /**
   * Uploads every local block that the store lacks and that is not past the retention. A block that
   * fails does not keep the others from being tried; afterwards `ERR_BLOCKSYNC` names how many failed, with the first reason. Of one
   * that is damaged what can be read is stored, which is no failure but named in {@link damaged}.
   *
   * @returns how many blocks were uploaded
   */
  async upload(
    local: LocalBlocks,
    store: FileStore,
    retentionMs: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { catalog, clock, logger } = this.#options;
    const held = await catalog.list(store);
    const nowMs = clock.nowMs();
    const missing = blocksToUpload(local.blocks(), held, nowMs, retentionMs);
    const bad = blocksToRepair(local.badBlocks?.() ?? [], held, nowMs, retentionMs);
    const failures: unknown[] = [];
    const fail = (ulid: string, error: unknown): void => {
      if (signal.aborted) throw error;
      failures.push(error);
      logger.warn('A block could not be stored in the file store', { ulid, error });
    };
    const repair = async (ulid: string, known: BlockMeta | undefined, error: unknown) => {
      try {
        await this.#damage.store(ulid, known, error, local, held, store, signal);
      } catch (cause) {
        fail(ulid, cause);
      }
    };
    for (const block of missing) {
      signal.throwIfAborted();
      const { ulid } = block;
      const isDamagedThere = held.broken.some((each) => {
        return each.ulid === ulid && each.state === 'damaged';
      });
      if (this.#damage.isLost(ulid)) continue;
      try {
        await copyBlock(
          ulid,
          { store: local.store, dir: ulid },
          { store, dir: blockDirOf(ulid) },
          signal,
          isDamagedThere,
        );
        logger.info('Block stored in the file store', { ulid });
      } catch (error) {
        if (isDamage(error)) await repair(ulid, block, error);
        else fail(ulid, error);
      }
    }
    for (const { ulid, error } of bad) {
      signal.throwIfAborted();
      await repair(ulid, undefined, error);
    }
    this.#throwIfAny(failures, missing.length + bad.length, 'stored in');
    return missing.length;
  }

  /** Removes blocks past the retention, a day of them at most, and remains of uploads that nobody will complete. */
  async cleanUp(
    local: LocalBlocks | undefined,
    store: FileStore,
    retentionMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { catalog, clock, remains = clock, logger } = this.#options;
    const held = await catalog.list(store);
    const nowMs = clock.nowMs();
    const ages = [];
    for (const block of held.broken) {
      signal.throwIfAborted();
      const files = await listTree(store, blockDirOf(block.ulid));
      ages.push({ block, newestFileMs: newest(files) });
    }
    const ours = new Set(local?.blocks().map((block) => block.ulid));
    const expired = expiredBlocks(held, nowMs, retentionMs).map(({ ulid }) => ulid);
    const orphans = orphanedBlocks(ages, ours, remains.nowMs()).map(({ ulid }) => ulid);
    const failures: unknown[] = [];
    for (const ulid of [...expired, ...orphans]) {
      signal.throwIfAborted();
      try {
        await removeBlock(store, ulid);
        logger.info('Block removed from the file store', { ulid });
      } catch (error) {
        failures.push(error);
      }
    }
    this.#throwIfAny(failures, expired.length + orphans.length, 'removed from');
  }

  #throwIfAny(failures: readonly unknown[], total: number, what: string): void {
    if (failures.length === 0) return;
    throw new CodedError(
      'ERR_BLOCKSYNC',
      `${failures.length} of ${total} blocks could not be ${what} the file store`,
      {},
      failures[0],
    );
  }
}

function newest(files: readonly TreeFile[]): number | undefined {
  let result: number | undefined;
  for (const { modifiedMs } of files) result = Math.max(result ?? modifiedMs, modifiedMs);
  return result;
}
