import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Mutex } from '../base/sync/mutex.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import type { ScrapeResult, StorePermission } from '../ingest/index.ts';
import { ScraperLease } from '../services/cluster/lease.ts';
import type { LeaseOptions } from '../services/cluster/lease.ts';
import type { OwnerRecord } from '../services/cluster/owner-record.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { Silence, Watchdog, WatchedPart, WatchedWork } from '../services/health/watchdog.ts';
import type { OpenDatabase } from './database-keeper.ts';
import { Fitness } from './fitness.ts';
import type { Scraping } from './scraping.ts';
import type { Syncing } from './syncing.ts';
import { sinceText } from './watches.ts';
import type { Watches } from './watches.ts';

/**
 * - `starting`: the database or the configuration is not there yet, or nobody has been asked.
 * - `scraper`: this instance scrapes, alone or as the one of its cluster.
 * - `lapsed`: it did, and does not know yet whether another instance does; it scrapes into memory.
 * - `waiting`: another instance does; this one stands by.
 */
export type Role = 'starting' | 'scraper' | 'lapsed' | 'waiting';

export interface RolesOptions {
  readonly lease: Omit<LeaseOptions, 'isFit' | 'onChange'>;
  readonly scraping: Pick<Scraping, 'open' | 'settle' | 'close' | 'isReady' | 'patienceMs'>;
  readonly syncing: Pick<Syncing, 'wake'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly board: WarningBoard;
  readonly watchdog: Watchdog;
  readonly watches: Pick<Watches, 'head' | 'lease' | 'roles'>;
  /** The role may have changed. */
  readonly onChange: () => void;
}

/** A scraper that could store nothing for so long lets another one try, whatever its disk seems to take. */
const STORE_FAILING_MS = 15_000;

/** A scraper that ends has so long for its last samples; what hangs is left behind. */
const CLOSE_LIMIT_MS = 5_000;
/** The same when the plugin stops, which has to let go of the lease as well. */
const STOP_LIMIT_MS = 1_500;
const SILENT = 'scrapes_not_stored';

const LAPSED = {
  message:
    'The database of the Mattermost server does not answer, so it is not known whether another node ' +
    'collects metrics. What this one collects is kept in memory until then, for 30 minutes at most.',
};

/**
 * Decides whether this instance scrapes, and follows each decision through: one that scrapes has an
 * open database and, in a cluster, the lease; one that stands by leaves nothing in its head that the
 * file store lacks.
 */
export class Roles {
  readonly #options: RolesOptions;
  /** Changes of the role, one after another; each looks at what holds when its turn has come. */
  readonly #turns = new Mutex();
  #lease: ScraperLease | undefined;
  #isCluster: boolean | undefined;
  #database: OpenDatabase | undefined;
  /** The term of the lease under which we scrape, 0 without one; undefined while we do not. */
  #term: number | undefined;
  #isStopped = false;
  readonly #fitness: Fitness;
  #sinceMs = 0;
  /** Since when no scrape could be stored, monotonic; undefined while they can. */
  #failingSinceMs: number | undefined;
  /** Whether it scrapes for want of an instance that is fit. */
  #isLastResort = false;
  /** Moves with each scrape that is stored; undefined while we do not scrape. */
  #scrapes: WatchedWork | undefined;
  readonly #scrapesPart: WatchedPart = {
    limitMs: () => this.#options.scraping.patienceMs,
    report: (silence) => this.#onSilence(silence),
  };
  /** Whether nothing was stored for longer than it should be. */
  #isSilent = false;
  /** Ends of scraping that are not over: the database takes nothing while one hangs. */
  #closing = 0;
  #clearing: Promise<void> | undefined;

  constructor(options: RolesOptions) {
    this.#options = options;
    this.#fitness = new Fitness(options);
  }

  get role(): Role {
    if (this.#database === undefined || this.#isCluster === undefined) return 'starting';
    if (!this.#isCluster) return 'scraper';
    const { state = 'unknown', isValid = false } = this.#lease ?? {};
    const mayHold = state === 'held' || state === 'lapsed';
    if (this.#term !== undefined && mayHold) return isValid ? 'scraper' : 'lapsed';
    if (state === 'held') return 'scraper';
    return state === 'unknown' ? 'starting' : 'waiting';
  }

  /** The role as the status has it: a scraper runs once it knows what to scrape, while it can store. */
  get state(): 'starting' | 'running' | 'stalled' | 'waiting' {
    const { role } = this;
    if (role === 'scraper' && this.#isSilent) return 'stalled';
    if (role === 'scraper') return this.#options.scraping.isReady ? 'running' : 'starting';
    return role === 'lapsed' ? 'waiting' : role;
  }

  /** Whether this instance is the one that looks after the file store and answers for the head. */
  get isScraper(): boolean {
    return this.role === 'scraper' && (this.#lease === undefined || this.#lease.isValid);
  }

  /** Since when this instance has scraped, Unix milliseconds; 0 while it does not. */
  get sinceMs(): number {
    return this.#term === undefined ? 0 : this.#sinceMs;
  }

  /** The instance of the cluster that scrapes, as far as is known. */
  get owner(): OwnerRecord | undefined {
    return this.#lease?.owner;
  }

  /** Told at each look at the configuration. */
  setCluster(isCluster: boolean): void {
    if (isCluster === this.#isCluster || this.#isStopped) return;
    this.#isCluster = isCluster;
    this.#compete();
    this.#update();
  }

  setDatabase(database: OpenDatabase): void {
    this.#database = database;
    this.#fitness.setDatabase(database);
    this.#compete();
    this.#update();
  }

  /** Told of each scrape: a full or broken disk is a reason to let another node scrape. */
  noteScrape({ failureCode, isStored }: Pick<ScrapeResult, 'failureCode' | 'isStored'>): void {
    if (isStored) {
      this.#scrapes?.move();
      this.#noteVoice();
    }
    // An exporter that is down says nothing about the disk, but its `up` was stored as well.
    if (failureCode === 'ERR_SCRAPE_STORE') void this.#onStoreFailure();
    else this.#failingSinceMs = undefined;
  }

  /** Goes on with what a change of the role has left undone; called now and then. */
  async tend(): Promise<void> {
    await this.#fitness.tend();
    if (this.#isRelieved) this.#noteVoice();
    await this.#turns.run(() => this.#follow());
  }

  /** Ends the scraping with its last samples and stale markers, then lets go of the lease. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#close(STOP_LIMIT_MS);
    await this.#lease?.stop();
  }

  async #onStoreFailure(): Promise<void> {
    const { clock, logger } = this.#options;
    this.#failingSinceMs ??= clock.monotonicMs();
    const lease = this.#lease;
    if (lease?.isValid !== true) return;
    // There is nothing to wait for when the disk is full, but for others to become fit.
    const isHopeless = !(await this.#fitness.probeDisk()) && !this.#isLastResort;
    if (this.#failingSinceMs === undefined || lease !== this.#lease || !lease.isValid) return;
    const failingMs = clock.monotonicMs() - this.#failingSinceMs;
    if (failingMs < STORE_FAILING_MS && !isHopeless) return;
    this.#failingSinceMs = undefined;
    logger.warn('Samples cannot be stored here; another node shall scrape');
    void lease.yield();
  }

  /**
   * Nothing was stored for two intervals, for whatever reason: a call of the disk may hang, and no
   * failure is heard of. Letting go of the lease waits for nothing of all that.
   */
  #onSilence(silence: Silence | undefined): void {
    const { board, logger, scraping } = this.#options;
    if (silence === undefined) {
      // Nothing is due any more.
      if (this.#scrapes !== undefined && scraping.patienceMs === Infinity) this.#noteVoice();
      return;
    }
    this.#isSilent = true;
    const dir = this.#database?.db.dir ?? '';
    const isShared = this.#lease !== undefined;
    // What fails is told by whoever failed, with its reason; this is for what says nothing.
    if (this.#failingSinceMs === undefined) {
      board.raise({
        code: SILENT,
        message:
          `Since ${sinceText(silence)} nothing that this node has scraped could be stored, and no ` +
          `failure says why: the disk of the TSDB Path (${dir}) hangs, or no scrape ends.`,
        action:
          'Check that disk. What was stored before can still be dumped; ' +
          (isShared ? 'another node scrapes if it can.' : 'it is tried again all the time.'),
      });
    }
    if (this.#lease?.isValid !== true) return;
    logger.warn('Nothing is stored here any more; another node shall scrape');
    void this.#lease.yield();
  }

  #noteVoice(): void {
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#options.board.clear(SILENT);
  }

  /** Whether another instance scrapes, and nothing hangs here. */
  get #isRelieved(): boolean {
    const isOther = this.#isCluster !== true || this.#lease?.owner !== undefined;
    return isOther && this.role === 'waiting' && this.#closing === 0;
  }

  /** Ends the scraping; what takes longer is left behind, and stores nothing once the lease is gone. */
  async #close(limitMs: number): Promise<void> {
    const { scraping, clock, logger, watches } = this.#options;
    this.#scrapes?.end();
    this.#scrapes = undefined;
    this.#closing++;
    const closed = watches.roles
      .watch(() => scraping.close())
      .finally(() => {
        this.#closing--;
      });
    try {
      await withTimeout(clock, limitMs, closed, () => {
        return new CodedError('ERR_STOP_TIMEOUT', 'it took too long', { limitMs });
      });
    } catch (error) {
      logger.warn('The last scrapes have not ended', { reason: describeError(error) });
    }
  }

  /** Asks for the lease, or lets go of it: whose database is not open never asks. */
  #compete(): void {
    const { lease } = this.#options;
    if (this.#isCluster !== true) {
      const ending = this.#lease;
      this.#lease = undefined;
      void ending?.stop();
    } else if (this.#database !== undefined && this.#lease === undefined) {
      const isFit = (): Promise<boolean> => this.#fitness.check();
      const canScrape = (): boolean => this.#closing === 0;
      const { watch } = this.#options.watches.lease;
      const onChange = (): void => this.#update();
      this.#lease = new ScraperLease({ ...lease, isFit, canScrape, watch, onChange });
      this.#lease.start();
    }
  }

  #update(): void {
    this.#options.onChange();
    this.#turns
      .run(() => this.#follow())
      .catch((error: unknown) => {
        this.#options.logger.error('A change of the role broke off; trying again', { error });
      });
  }

  async #follow(): Promise<void> {
    const { scraping, syncing, clock, board } = this.#options;
    const { role } = this;
    const database = this.#database;
    if (this.#isStopped || database === undefined || role === 'starting') return;
    // It scrapes on, and what it collects waits until it is known whose part that was.
    board.set('lease_lapsed', this.#lease?.state === 'lapsed' ? LAPSED : undefined);
    if (role === 'lapsed') return;
    const term = this.#lease?.owner?.term ?? 0;
    if (role === 'scraper' && this.#term === term) {
      if (this.isScraper) scraping.settle();
      return;
    }
    if (this.#term !== undefined) {
      this.#term = undefined;
      await this.#close(CLOSE_LIMIT_MS);
      await this.#follow();
    } else if (role === 'scraper') {
      this.#term = term;
      this.#sinceMs = clock.nowMs();
      scraping.open(database.db, this.#permission(term));
      this.#scrapes = this.#options.watchdog.begin(this.#scrapesPart);
      // It is for this instance to look after the file store from now on.
      syncing.wake();
    } else {
      this.#clearHead(database);
    }
  }

  /** Holds for one term: whoever has lost the lease and has it again starts anew. */
  #permission(term: number): () => StorePermission {
    const lease = this.#lease;
    if (lease === undefined) return () => (this.#lease === undefined ? 'now' : 'never');
    this.#isLastResort = !this.#fitness.wasFit;
    return () => {
      if (this.#lease !== lease || lease.owner?.term !== term) return 'never';
      const permission = lease.isValid ? 'now' : 'later';
      if (lease.state !== 'held' && lease.state !== 'lapsed') return 'never';
      // What waits in memory is stored in the order of its scrapes, which has to be that of time.
      return this.#checkClock(lease) ? permission : 'never';
    };
  }

  /**
   * Whoever's clock was set back could store nothing until it has caught up: another one can. For
   * want of another the database makes what is ahead of the clock blocks, and goes on.
   */
  #checkClock(lease: ScraperLease): boolean {
    const { clockBackMs: backMs } = this.#fitness;
    if (backMs > 0 && !this.#isLastResort) {
      const { logger } = this.#options;
      logger.warn('The clock was set back; another node scrapes until it has caught up', {
        backMs,
      });
      void lease.yield();
      return false;
    }
    this.#fitness.noteStoring();
    return true;
  }

  /**
   * What a scraper that stands by has collected goes to the file store at once. Nobody waits for it: a
   * disk that hangs must not keep this instance from its next role.
   */
  #clearHead({ db }: OpenDatabase): void {
    if (db.headStats().sampleCount === 0) return;
    const { logger, syncing, watches } = this.#options;
    this.#clearing ??= watches.head
      .watch(() => db.flush())
      .then(
        (blocks) => {
          logger.info('The samples in memory were made blocks, as another node scrapes', {
            blocks: blocks.length,
          });
          syncing.wake();
        },
        (error: unknown) => {
          logger.error('The samples in memory could not be made blocks; trying again', { error });
        },
      )
      .finally(() => (this.#clearing = undefined));
  }
}
