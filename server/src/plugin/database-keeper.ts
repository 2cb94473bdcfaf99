import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Fs } from '../base/ports/fs.ts';
import { RepeatingTask } from '../base/sync/repeating-task.ts';
import type { Watch } from '../base/sync/repeating-task.ts';
import { LocalFileStore } from '../filestore/local-file-store.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { BadBlock, BlockMeta, Db, TimeRange } from '../tsdb/index.ts';
import { logDamageWarning } from './log-damage-warning.ts';
import { PlaceWatch } from './place-watch.ts';

/** What the plugin uses of the database. */
export type MetricsDb = Pick<
  Db,
  | 'dir'
  | 'appender'
  | 'blocks'
  | 'headStats'
  | 'walStats'
  | 'writeHeadBlock'
  | 'flush'
  | 'keepPlace'
  | 'exposedTo'
  | 'close'
> &
  // Without a reference, nothing is removed.
  Partial<Pick<Db, 'reference' | 'badBlocks' | 'upkeepFault'>>;

/**
 * How often a database that could not be opened is tried again, at the latest, and one that is open is
 * looked for in its place.
 */
const PERIOD_MS = 30_000;
const WARNING = 'database_unavailable';
const DAMAGE_WARNING = 'log_damaged';

export interface DatabaseKeeperOptions {
  /** For sync and dumps; the database has its own. */
  readonly fs: Fs;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `Db.open` with all that it needs but the folder. */
  readonly openDb: (dir: string) => Promise<MetricsDb>;
  /** Whether closing leaves a snapshot of the head; default: yes. */
  readonly writesSnapshot?: () => boolean;
  readonly board: WarningBoard;
  /** What each try to open it is run through, and each look at its files. */
  readonly watch?: Watch;
  readonly placeWatch?: Watch;
  /** Where to look first. */
  readonly dir: string;
  /** Called once, when the database is open. */
  readonly onOpen: (database: OpenDatabase) => void;
}

/** The database with its folder seen as a file store, as sync and dumps want it. */
export class OpenDatabase {
  readonly db: MetricsDb;
  readonly store: LocalFileStore;

  constructor(db: MetricsDb, fs: Fs, clock: Clock) {
    this.db = db;
    this.store = new LocalFileStore({ fs, root: db.dir, nowMs: () => clock.nowMs() });
  }

  blocks(): readonly BlockMeta[] {
    return this.db.blocks().map((block) => block.meta);
  }

  /** See `Db.badBlocks`. */
  badBlocks(): readonly BadBlock[] {
    return this.db.badBlocks?.() ?? [];
  }

  /** @param parentDir below the database's folder */
  writeHeadBlock(parentDir: string, range: TimeRange): Promise<BlockMeta | undefined> {
    return this.db.writeHeadBlock(`${this.db.dir}/${parentDir}`, range);
  }
}

/** Opens the database, as often as it takes, sees to it that it stays in its place, and closes it. */
export class DatabaseKeeper {
  readonly #options: DatabaseKeeperOptions;
  readonly #task: RepeatingTask;
  #open: OpenDatabase | undefined;
  #dir: string;
  readonly #place: PlaceWatch;
  #announceTried: () => void = () => {};
  /** Resolves after the first try, good or bad. */
  readonly tried: Promise<void>;

  constructor(options: DatabaseKeeperOptions) {
    this.#options = options;
    this.#dir = options.dir;
    this.#place = new PlaceWatch(options);
    this.tried = new Promise((resolve) => {
      this.#announceTried = resolve;
    });
    this.#task = new RepeatingTask({
      clock: options.clock,
      periodMs: () => PERIOD_MS,
      run: (signal) => this.#turn(signal),
      onError: (error) => this.#complain(error),
    });
  }

  get current(): OpenDatabase | undefined {
    return this.#open;
  }

  start(): void {
    this.#task.start();
  }

  /** Where the database is, or is to be. */
  get dir(): string {
    return this.#dir;
  }

  /** Tries another folder. Without effect once the database is open. */
  move(dir: string): void {
    if (this.#open !== undefined || dir === this.#dir) return;
    this.#dir = dir;
    this.#task.wake();
  }

  /** Waits for a try under way; none follows. The database stays open. */
  async stopTrying(): Promise<void> {
    await this.#task.stop();
    this.#announceTried();
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.db.close(this.#options.writesSnapshot?.());
  }

  #turn(signal: AbortSignal): Promise<void> {
    const { watch = (work) => work(), placeWatch = (work) => work() } = this.#options;
    const open = this.#open;
    if (open !== undefined) return placeWatch(() => this.#place.look(open.db));
    return watch(() => this.#try(signal));
  }

  async #try(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { fs, clock, logger, openDb, board, onOpen } = this.#options;
    const dir = this.#dir;
    const startMs = clock.monotonicMs();
    const db = await openDb(dir);
    const open = new OpenDatabase(db, fs, clock);
    this.#open = open;
    this.#dir = dir;
    board.clear(WARNING);
    board.set(DAMAGE_WARNING, logDamageWarning(db.walStats().damage));
    logger.info('The time series database is open', {
      dir,
      blocks: db.blocks().length,
      headSeries: db.headStats().seriesCount,
      durationMs: Math.round(clock.monotonicMs() - startMs),
    });
    await this.#place.checkExposure(db);
    this.#announceTried();
    if (!signal.aborted) onOpen(open);
  }

  #complain(error: unknown): void {
    this.#options.board.raise(
      {
        code: WARNING,
        message: `The time series database in ${this.#dir} cannot be opened: ${describeError(error)}.`,
        action:
          'Let the user that runs the Mattermost server write to this folder, or choose another ' +
          'one as TSDB Path and restart the plugin. It is tried again all the time.',
      },
      error,
    );
    this.#announceTried();
  }
}
