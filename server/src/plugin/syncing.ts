import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { TaskRunner } from '../base/ports/task-runner.ts';
import { RepeatingTask } from '../base/sync/repeating-task.ts';
import type { FileStore } from '../filestore/file-store.ts';
import { PLUGIN_DIR, STORE_BLOCKS_DIR } from '../filestore/layout.ts';
import type { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import type { BlockSync } from '../services/blocksync/block-sync.ts';
import type { DamagedUpload } from '../services/blocksync/damaged-uploads.ts';
import type { Settings } from '../services/config/settings.ts';
import { removeOrphanedDumps } from '../services/dump/orphans.ts';
import type { Warning, WarningBoard } from '../services/health/warning-board.ts';
import type { DumpJob } from '../services/jobs/job.ts';
import { StoreUpkeep } from '../services/upkeep/store-upkeep.ts';
import type { DamagedBlock } from '../services/upkeep/store-upkeep.ts';
import type { OpenDatabase } from './database-keeper.ts';
import { DATABASE_FAILURE, failedPart } from './failed-part.ts';
import type { FileStoreKeeper } from './file-store-keeper.ts';
import type { ReferenceKeeper } from './reference-keeper.ts';
import { movingStore } from './watched-store.ts';
import type { LoopWatch, Watches } from './watches.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const WARNING = 'sync_failing';
const DAMAGED_WARNING = 'blocks_damaged';
const LOCAL_DAMAGE_WARNING = 'local_blocks_damaged';
/** A store that works again gets what it lacks soon, however long it was away. */
const UPLOAD_RETRY_MAX_MS = 2 * MINUTE_MS;
/** Of the damaged blocks that a warning names; the log has all. */
const NAMED_MAX = 3;
/** A start, a take-over and new settings have better things to do first than merging. */
const MERGE_DELAY_MS = 3 * MINUTE_MS;

export interface SyncingOptions {
  readonly blockSync: BlockSync;
  readonly catalog: BlockCatalog;
  readonly tasks: TaskRunner;
  readonly database: () => OpenDatabase | undefined;
  readonly fileStore: FileStoreKeeper;
  /** Says how old something is. */
  readonly reference: ReferenceKeeper;
  readonly settings: () => Settings;
  /** Whether this instance looks after the file store; of a cluster, one does. */
  readonly isScraper: () => boolean;
  readonly dumpJobs: () => Promise<readonly DumpJob[]>;
  /** Whether these are all: dumps of others are nobody's. */
  readonly areAllJobsKnown: () => boolean;
  readonly board: WarningBoard;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly watches: Pick<Watches, 'sync' | 'cleanUp' | 'merge'>;
  /** Told of each run that had something to try. */
  readonly onUpload: (outcome: 'success' | 'error') => void;
}

/** The loops that keep the file store in step: uploads, clean-up of what is too old, and merges. */
export class Syncing {
  readonly #options: SyncingOptions;
  readonly #uploads: RepeatingTask;
  readonly #cleanUps: RepeatingTask;
  readonly #merges: RepeatingTask;
  readonly #upkeep: StoreUpkeep;
  #lastSuccessMs: number | undefined;
  #lastCopiedMs: number | undefined;
  #seenBlocks = new Set<string>();
  /** The blocks that the last upload found or brought to the store. */
  #storedBlocks: ReadonlySet<string> = new Set();

  constructor(options: SyncingOptions) {
    this.#options = options;
    const { clock, logger, settings, catalog, tasks, reference } = options;
    const onError = (what: string) => (error: unknown) => {
      logger.warn(`${what}: ${failedPart(error)} failed; trying again`, { error });
    };
    this.#upkeep = new StoreUpkeep({
      catalog,
      tasks,
      clock: {
        nowMs: () => reference.likelyMs,
        monotonicMs: () => clock.monotonicMs(),
        sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
      },
      logger,
      isDumping: async () => (await this.#jobs()).some(({ status }) => status === 'in_progress'),
      mergesOverlaps: () => settings().allowOverlappingCompaction,
      isSetAside: reference.isSetAside,
    });
    this.#uploads = new RepeatingTask({
      clock,
      periodMs: () => settings().fileStoreSyncPeriodMinutes * MINUTE_MS,
      watch: options.watches.sync.watch,
      retryMaxMs: UPLOAD_RETRY_MAX_MS,
      run: (signal) => this.upload(signal),
      onError: onError('Blocks could not be brought to the file store'),
    });
    this.#cleanUps = new RepeatingTask({
      clock,
      periodMs: () => settings().fileStoreCleanupPeriodMinutes * MINUTE_MS,
      watch: options.watches.cleanUp.watch,
      run: (signal) => this.#cleanUp(signal),
      onError: onError('The clean-up of the file store broke off'),
    });
    this.#merges = new RepeatingTask({
      clock,
      periodMs: () => settings().fileStoreCleanupPeriodMinutes * MINUTE_MS,
      watch: options.watches.merge.watch,
      run: (signal) => this.#merge(signal),
      onError: onError('Merging blocks of the file store broke off'),
      firstDelayMs: MERGE_DELAY_MS,
    });
  }

  /** When all local blocks were last known to be in the file store. */
  get lastSuccessMs(): number | undefined {
    return this.#lastSuccessMs;
  }

  /** When this instance last brought a block to the file store; undefined: not yet. */
  get lastCopiedMs(): number | undefined {
    return this.#lastCopiedMs;
  }

  /** Whether the file store has all local blocks. */
  get isComplete(): boolean {
    const blocks = this.#options.database()?.blocks() ?? [];
    return blocks.every(({ ulid }) => this.#storedBlocks.has(ulid));
  }

  start(): void {
    this.#uploads.start();
    this.#cleanUps.start();
    this.#merges.start();
  }

  /** Settings or stores are others than before. */
  wake(): void {
    this.#uploads.wake();
    this.#cleanUps.wake();
    this.#merges.wake(MERGE_DELAY_MS);
  }

  /** Uploads soon when the database has a block that was not there at the last call. */
  noticeNewBlocks(): void {
    const blocks = new Set(
      this.#options
        .database()
        ?.blocks()
        .map((block) => block.ulid),
    );
    const isNew = [...blocks].some((ulid) => !this.#seenBlocks.has(ulid));
    this.#seenBlocks = blocks;
    if (isNew) this.#uploads.wake();
    this.#options.reference.warn();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#uploads, this.#cleanUps, this.#merges].map((loop) => loop.stop()));
  }

  /** One upload of all that is missing; nothing to do without database or file store. */
  async upload(signal: AbortSignal): Promise<void> {
    const { blockSync, board, clock, fileStore, watches } = this.#options;
    const database = this.#options.database();
    const store = this.#storeOf(watches.sync);
    if (database === undefined || store === undefined) return;
    if (!(await fileStore.check('now'))) {
      throw new CodedError('ERR_FILESTORE', 'the file store takes no files');
    }
    const blocks = database.blocks().map(({ ulid }) => ulid);
    let copied: number;
    try {
      copied = await blockSync.upload(database, store, this.#retentionMs(), signal);
    } catch (error) {
      fileStore.suspect();
      if (!signal.aborted) {
        this.#options.onUpload('error');
        this.#complain(error);
      }
      throw error;
    }
    const present = new Set([...blocks, ...database.badBlocks().map(({ ulid }) => ulid)]);
    const damaged = blockSync.damaged.filter(({ ulid }) => present.has(ulid));
    board.set(LOCAL_DAMAGE_WARNING, localDamageWarning(damaged));
    this.#lastSuccessMs = clock.nowMs();
    if (copied > 0) this.#lastCopiedMs = this.#lastSuccessMs;
    this.#storedBlocks = new Set(blocks);
    this.#options.onUpload('success');
    board.clear(WARNING);
  }

  #complain(error: unknown): void {
    this.#options.board.raise(
      {
        code: WARNING,
        message: `Collected metrics could not be stored in the file store: ${describeError(error)}.`,
        action:
          'They are kept on the local disk and stored as soon as it works; if this stays, check ' +
          'the free space of the file store and of the folder of the database.',
      },
      error,
    );
  }

  async #cleanUp(signal: AbortSignal): Promise<void> {
    const { reference, isScraper, blockSync, watches } = this.#options;
    const store = this.#storeOf(watches.cleanUp);
    if (store === undefined) return;
    await reference.refresh(store, isScraper());
    if (!isScraper()) return;
    await blockSync.cleanUp(this.#options.database(), store, this.#retentionMs(), signal);
    if (reference.isClockPlausible) await store.removeLeftovers(PLUGIN_DIR);
    const jobs = await this.#jobs();
    if (!this.#options.areAllJobsKnown()) return;
    await removeOrphanedDumps(store, jobs, reference.remainsMs);
  }

  async #jobs(): Promise<readonly DumpJob[]> {
    try {
      return await this.#options.dumpJobs();
    } catch (cause) {
      const message = 'the list of dump jobs could not be read';
      throw new CodedError(DATABASE_FAILURE, message, {}, cause);
    }
  }

  async #merge(signal: AbortSignal): Promise<void> {
    const { reference, isScraper, watches } = this.#options;
    const store = this.#storeOf(watches.merge);
    const database = this.#options.database();
    if (!isScraper()) this.#options.board.clear(DAMAGED_WARNING);
    if (store === undefined || database === undefined || !isScraper()) return;
    await this.#upkeep.run(store, database.store, reference.bounds.oldestMs, signal);
    this.#options.board.set(DAMAGED_WARNING, damageWarning(this.#upkeep.damaged));
  }

  /** The file store, whose calls by others say nothing about the loop. */
  #storeOf({ move }: LoopWatch): FileStore | undefined {
    const store = this.#options.fileStore.current;
    return store && movingStore(store, move);
  }

  #retentionMs(): number {
    return this.#options.settings().retentionDurationDays * DAY_MS;
  }
}

function localDamageWarning(damaged: readonly DamagedUpload[]): Omit<Warning, 'code'> | undefined {
  if (damaged.length === 0) return undefined;
  const named = damaged.slice(0, NAMED_MAX).map(({ ulid, reason, sampleCount, savedCount }) => {
    const of = sampleCount === undefined ? '' : ` of ${sampleCount}`;
    return `${ulid} (${reason}): ${savedCount}${of} samples`;
  });
  const more = damaged.length > NAMED_MAX ? ` and ${damaged.length - NAMED_MAX} more` : '';
  return {
    message:
      'Blocks of the local database are damaged; what could be read of them is in the file store: ' +
      `${named.join(', ')}${more}.`,
    action: 'Check the disk of the database and the memory of this machine.',
  };
}

function damageWarning(damaged: readonly DamagedBlock[]): Omit<Warning, 'code'> | undefined {
  if (damaged.length === 0) return undefined;
  const named = damaged.slice(0, NAMED_MAX).map(({ ulid, reason }) => `${ulid} (${reason})`);
  const more = damaged.length > NAMED_MAX ? ` and ${damaged.length - NAMED_MAX} more` : '';
  return {
    message:
      `Blocks of the file store are damaged and stay as they are: ${named.join(', ')}${more}. ` +
      'All others are merged around them.',
    action:
      `Their folders are in ${STORE_BLOCKS_DIR}. Dumps hold what can be read of them and name them; ` +
      'restore them from a backup of the file store if there is one.',
  };
}
