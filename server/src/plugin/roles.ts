import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { Mutex } from '../base/sync/mutex.ts';
import type { ScrapeResult, StorePermission } from '../ingest/index.ts';
import { ScraperLease } from '../services/cluster/lease.ts';
import type { LeaseOptions } from '../services/cluster/lease.ts';
import type { OwnerRecord } from '../services/cluster/owner-record.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { OpenDatabase } from './database-keeper.ts';
import { Fitness } from './fitness.ts';
import type { Scraping } from './scraping.ts';
import type { Syncing } from './syncing.ts';

/**
 * - `starting`: the database or the configuration is not there yet, or nobody has been asked.
 * - `scraper`: this instance scrapes, alone or as the one of its cluster.
 * - `lapsed`: it did, and does not know yet whether another instance does; it scrapes into memory.
 * - `waiting`: another instance does; this one stands by.
 */
export type Role = 'starting' | 'scraper' | 'lapsed' | 'waiting';

export interface RolesOptions {
  readonly lease: Omit<LeaseOptions, 'isFit' | 'onChange'>;
  readonly scraping: Pick<Scraping, 'open' | 'settle' | 'close' | 'isReady'>;
  readonly syncing: Pick<Syncing, 'wake'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly board: WarningBoard;
  /** The role may have changed. */
  readonly onChange: () => void;
}

/** A scraper that could store nothing for so long lets another one try, whatever its disk seems to take. */
const STORE_FAILING_MS = 15_000;

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

  /** The role as the status has it: a scraper runs once it knows what to scrape. */
  get state(): 'starting' | 'running' | 'waiting' {
    const { role } = this;
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
  noteScrape({ failureCode }: Pick<ScrapeResult, 'failureCode'>): void {
    // An exporter that is down says nothing about the disk, but its `up` was stored as well.
    if (failureCode === 'ERR_SCRAPE_STORE') void this.#onStoreFailure();
    else this.#failingSinceMs = undefined;
  }

  /** Goes on with what a change of the role has left undone; called now and then. */
  async tend(): Promise<void> {
    await this.#fitness.tend();
    await this.#turns.run(() => this.#follow());
  }

  /** Ends the scraping with its last samples and stale markers, then lets go of the lease. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#options.scraping.close();
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

  /** Asks for the lease, or lets go of it: who cannot store samples does not ask for the right to. */
  #compete(): void {
    const { lease } = this.#options;
    if (this.#isCluster !== true) {
      const ending = this.#lease;
      this.#lease = undefined;
      void ending?.stop();
    } else if (this.#database !== undefined && this.#lease === undefined) {
      const isFit = (): Promise<boolean> => this.#fitness.check();
      this.#lease = new ScraperLease({ ...lease, isFit, onChange: () => this.#update() });
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
      await scraping.close();
      await this.#follow();
    } else if (role === 'scraper') {
      this.#term = term;
      this.#sinceMs = clock.nowMs();
      scraping.open(database.db, this.#permission(term));
      // It is for this instance to look after the file store from now on.
      syncing.wake();
    } else {
      await this.#clearHead(database);
    }
  }

  /** Holds for one term: whoever has lost the lease and has it again starts anew. */
  #permission(term: number): () => StorePermission {
    const lease = this.#lease;
    if (lease === undefined) return () => (this.#lease === undefined ? 'now' : 'never');
    this.#isLastResort = !this.#fitness.wasFit;
    return () => {
      if (this.#lease !== lease || lease.owner?.term !== term) return 'never';
      if (lease.isValid) return this.#checkClock(lease) ? 'now' : 'never';
      return lease.state === 'held' || lease.state === 'lapsed' ? 'later' : 'never';
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

  /** What a scraper that stands by has collected goes to the file store at once. */
  async #clearHead({ db }: OpenDatabase): Promise<void> {
    if (db.headStats().sampleCount === 0) return;
    const blocks = await db.flush();
    this.#options.logger.info('The samples in memory were made blocks, as another node scrapes', {
      blocks: blocks.length,
    });
    this.#options.syncing.wake();
  }
}
