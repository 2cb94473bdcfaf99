import { describeError } from '../../base/errors.ts';
import { Mutex } from '../../base/sync/mutex.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { blockDirOf } from '../../filestore/layout.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import type { StoreBlocks } from './block-catalog.ts';
import type { LocalBlocks } from './block-sync.ts';
import { isDamage } from './check-block.ts';
import { copyBlock } from './copy-block.ts';
import { removeBlock } from './remove-block.ts';
import { repairBlock } from './repair-block.ts';
import type { RepairOptions } from './repair-block.ts';

/** A local block that is too damaged to be stored as it is. */
export interface DamagedUpload {
  readonly ulid: string;
  /** For people. */
  readonly reason: string;
  /** undefined where its meta.json is what is damaged. */
  readonly sampleCount: number | undefined;
  /** How many of them are in the store, in a block of another name. */
  readonly savedCount: number;
}

/** Blocks that are being repaired, in the database's folder: a disk that is known to be writable. */
const WORK_DIR = 'sync-work';

/** Stores what can be read of local blocks that are damaged, instead of these. */
export class DamagedUploads {
  readonly #options: RepairOptions;
  readonly #found = new Map<string, DamagedUpload>();
  /** Uploads may run at the same time, and meet the same block. */
  readonly #oneByOne = new Mutex();

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  list(): DamagedUpload[] {
    return [...this.#found.values()];
  }

  /** Whether it was tried in vain: damage does not heal. */
  isLost(ulid: string): boolean {
    return this.#found.get(ulid)?.savedCount === 0;
  }

  /**
   * A block that was made of another has its sources, so that nobody tries to store the other again.
   * Rejects when the store fails, or the local disk is full.
   *
   * @param known its meta.json, where that can be read
   */
  store(
    ulid: string,
    known: BlockMeta | undefined,
    error: unknown,
    local: LocalBlocks,
    held: StoreBlocks,
    store: FileStore,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#oneByOne.run(async () => {
      if (this.#found.has(ulid)) return;
      const work = { store: local.store, dir: WORK_DIR };
      const place = { store: local.store, dir: ulid };
      try {
        await local.store.removeTree(WORK_DIR);
        const saved = await repairBlock(place, ulid, known, work, signal, this.#options);
        if (saved !== undefined) {
          const made = { store: local.store, dir: `${WORK_DIR}/${saved.ulid}` };
          await copyBlock(saved.ulid, made, { store, dir: blockDirOf(saved.ulid) }, signal);
        }
        // A copy there that is damaged as well may have what this one lacks.
        const isOther = held.broken.some((each) => each.ulid === ulid && each.state === 'damaged');
        if (!isOther) await removeBlock(store, ulid);
        this.#note(ulid, known, error, saved);
      } finally {
        await local.store.removeTree(WORK_DIR);
      }
    });
  }

  #note(
    ulid: string,
    known: BlockMeta | undefined,
    error: unknown,
    saved: BlockMeta | undefined,
  ): void {
    const reason = describeError(isDamage(error) && error instanceof Error ? error.cause : error);
    const sampleCount = known?.stats.numSamples;
    const savedCount = saved?.stats.numSamples ?? 0;
    this.#found.set(ulid, { ulid, reason, sampleCount, savedCount });
    this.#options.logger.warn('A damaged block is not stored; what can be read of it is', {
      ulid,
      reason,
      samples: sampleCount,
      saved: savedCount,
      as: saved?.ulid,
    });
  }
}
