import { CodedError } from '../base/errors.ts';
import { formatUtcMinute } from '../base/utc-time.ts';
import { dumpHeadDirOf } from '../filestore/layout.ts';
import type { TargetStatus } from '../ingest/index.ts';
import { copyBlock } from '../services/blocksync/copy-block.ts';
import { HeadRequests } from '../services/cluster/head-requests.ts';
import type { HeadAnswer, HeadRequest } from '../services/cluster/head-requests.ts';
import { queryDatabaseTime } from '../services/cluster/database-time.ts';
import { HeldBack } from '../services/cluster/held-back.ts';
import { queryLockEnd } from '../services/cluster/lock-end.ts';
import { Instances } from '../services/cluster/instances.ts';
import type { InstanceReport } from '../services/cluster/instances.ts';
import type { OwnerRecord } from '../services/cluster/owner-record.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { Watchdog } from '../services/health/watchdog.ts';
import type { DumpRun } from '../services/jobs/dump-maker.ts';
import { newJobId } from '../services/jobs/job.ts';
import type { HeadFacts } from '../services/stats/stats.ts';
import type { OpenDatabase } from './database-keeper.ts';
import type { FileStoreKeeper } from './file-store-keeper.ts';
import type { ClusterEvent, Host, ServerConfig } from './host.ts';
import type { Platform, PluginInfo } from './platform.ts';
import { Roles } from './roles.ts';
import type { Scraping } from './scraping.ts';
import type { Syncing } from './syncing.ts';
import type { Watches } from './watches.ts';

/** Head blocks on their way to the dump of another instance, in the database's folder. */
const WORK_DIR = 'head-work';
/** So long, and so often, it is looked who scrapes. */
const OWNER_PATIENCE_MS = 10_000;
const OWNER_LOOK_MS = 250;

export interface ClusterOptions {
  readonly host: Host;
  readonly platform: Platform;
  readonly info: PluginInfo;
  readonly scraping: Scraping;
  readonly syncing: Syncing;
  readonly fileStore: FileStoreKeeper;
  readonly board: WarningBoard;
  readonly watchdog: Watchdog;
  readonly watches: Watches;
}

/** The whole cluster as one of its instances sees it. */
export interface ClusterView {
  /** The instance that answers, and its machine. */
  readonly instance: string;
  readonly node: string;
  readonly instances: readonly InstanceReport[];
  /** The instance that scrapes, as the lease has it; undefined: none, or one with the Go plugin. */
  readonly scraper: Pick<OwnerRecord, 'instance' | 'node' | 'sinceMs'> | undefined;
}

/** Everything that the instances of a cluster do with one another. Alone, it only names the role. */
export class Cluster {
  readonly roles: Roles;
  readonly #options: ClusterOptions;
  readonly #requests: HeadRequests;
  readonly #instances: Instances;
  readonly #heldBack: HeldBack;
  readonly #instance: string;
  #config: ServerConfig | undefined;
  #database: OpenDatabase | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { host, platform, info, scraping, syncing, board, watchdog, watches } = options;
    const { clock, randomBytes } = platform;
    const { kv, log: logger } = host;
    const newId = (): string => newJobId(randomBytes);
    const instance = newId();
    this.#instance = instance;
    const isCluster = (): boolean => this.#isCluster;
    this.roles = new Roles({
      lease: {
        kv,
        clock,
        logger,
        pluginId: info.id,
        instance,
        node: () => this.node,
        lockEnd: (key) => this.#lockEnd(key),
      },
      scraping,
      syncing,
      clock,
      logger,
      board,
      watchdog,
      watches,
      onChange: () => {
        this.#instances.wake();
        void this.#noteHeldBack();
      },
    });
    this.#heldBack = new HeldBack(kv, clock, () => this.node);
    this.#requests = new HeadRequests({
      kv,
      clock,
      logger,
      watch: watches.requests.watch,
      newId,
      isScraper: () => this.#isCluster && this.roles.isScraper,
      publish: (event) => host.publish(event),
      writeHead: (request, signal) => this.#writeHead(request, signal),
    });
    const report = (): Omit<InstanceReport, 'instance' | 'reportedMs'> => this.#report();
    const { watch } = watches.reports;
    this.#instances = new Instances({ kv, clock, logger, watch, instance, isCluster, report });
  }

  /** How this machine is called, here and in the server's list of nodes. */
  get node(): string {
    return this.#config?.nodeName || this.#options.platform.hostname;
  }

  configure(config: ServerConfig): void {
    this.#config = config;
    this.roles.setCluster(config.isCluster);
  }

  /** The database is open. */
  open(database: OpenDatabase): void {
    this.#database = database;
    this.roles.setDatabase(database);
  }

  start(): void {
    this.#requests.start();
    this.#instances.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.roles.stop(), this.#requests.stop(), this.#instances.stop()]);
  }

  onEvent(event: ClusterEvent): void {
    this.#requests.onEvent(event);
  }

  /** For a dump: undefined when the newest samples are with this instance. */
  async askScraper(run: DumpRun): Promise<HeadAnswer | undefined> {
    if (!this.#isCluster || this.roles.isScraper) return undefined;
    return this.#requests.ask(run.jobId, run.minTimeMs, run.maxTimeMs);
  }

  /** What neither the file store nor the instance that scrapes has, as sentences for people. */
  async missingSamples(): Promise<string[]> {
    if (!this.#isCluster) return [];
    const scraper = (await this.#knownOwner())?.node;
    const held = await this.#heldBack.list();
    return held
      .filter(({ node }) => node !== this.node && node !== scraper)
      .map(({ node, sinceMs }) => {
        const since = formatUtcMinute(sinceMs);
        return `What ${node} has collected since ${since} UTC and not yet stored is missing.`;
      });
  }

  /**
   * The instance that scrapes. One that has just started may make a dump before it has looked: then it
   * would take what the scraper holds, and has just handed out, for missing.
   */
  async #knownOwner(): Promise<OwnerRecord | undefined> {
    const { clock } = this.#options.platform;
    const endMs = clock.monotonicMs() + OWNER_PATIENCE_MS;
    while (this.roles.role === 'starting' && clock.monotonicMs() < endMs) {
      await clock.sleep(OWNER_LOOK_MS);
    }
    return this.roles.owner;
  }

  /** undefined outside of a cluster. */
  async view(): Promise<ClusterView | undefined> {
    if (!this.#isCluster) return undefined;
    const { owner } = this.roles;
    return {
      instance: this.#instance,
      node: this.node,
      instances: await this.#instances.list(),
      scraper: owner,
    };
  }

  /** Goes on with what is left undone; called now and then. */
  async tend(): Promise<void> {
    await this.roles.tend();
    await this.#noteHeldBack();
  }

  /** Takes note of it when the file store has all that this node has collected. */
  async settle(): Promise<void> {
    const db = this.#database?.db;
    if (!this.#isCluster || db?.headStats().sampleCount !== 0) return;
    if (this.#options.syncing.isComplete) await this.#heldBack.clear();
  }

  async #noteHeldBack(): Promise<void> {
    const { role } = this.roles;
    if (!this.#isCluster || role === 'starting') return;
    try {
      await (role === 'scraper' ? this.#heldBack.mark() : this.settle());
    } catch (error) {
      const message = 'It could not be noted what this node holds back; trying again';
      this.#options.host.log.debug(message, { error });
    }
  }

  get #isCluster(): boolean {
    return this.#config?.isCluster === true;
  }

  /** Time of day of the server's database, Unix milliseconds; undefined where it tells none. */
  databaseTime(): Promise<number | undefined> {
    const { host } = this.#options;
    return queryDatabaseTime((sql, args) => host.query(sql, args), this.#config?.sqlDriver ?? '');
  }

  #lockEnd(key: string): Promise<number | undefined> {
    const { host, info } = this.#options;
    const driver = this.#config?.sqlDriver ?? '';
    return queryLockEnd((sql, args) => host.query(sql, args), driver, info.id, key);
  }

  #report(): Omit<InstanceReport, 'instance' | 'reportedMs'> {
    const { info, scraping, syncing, board } = this.#options;
    const isScraping = this.roles.role === 'scraper';
    const targets: readonly TargetStatus[] = isScraping ? scraping.targets() : [];
    const head = isScraping ? this.#database?.db.headStats() : undefined;
    return {
      node: this.node,
      version: info.version,
      role: this.roles.role,
      sinceMs: this.roles.sinceMs,
      lastSyncMs: syncing.lastSuccessMs ?? 0,
      lastCopiedMs: syncing.lastCopiedMs ?? 0,
      targets,
      warnings: board.list(),
      head: head && headFacts(head),
    };
  }

  /** Local blocks that the store lacks go there first: they are as new to it as the head is. */
  async #writeHead(request: HeadRequest, signal: AbortSignal): Promise<string | undefined> {
    const { fileStore, syncing } = this.#options;
    const database = this.#database;
    if (database === undefined) throw new CodedError('ERR_NOT_READY', 'the database is not open');
    const store = fileStore.require();
    const localDir = `${WORK_DIR}/${request.jobId}`;
    const target = dumpHeadDirOf(request.jobId);
    try {
      await syncing.upload(signal);
      // A request includes its last millisecond, a block does not.
      const range = { minTimeMs: request.minTimeMs, maxTimeMs: request.maxTimeMs + 1 };
      const meta = await database.writeHeadBlock(localDir, range);
      if (meta === undefined) return undefined;
      const from = { store: database.store, dir: `${localDir}/${meta.ulid}` };
      await copyBlock(meta.ulid, from, { store, dir: `${target}/${meta.ulid}` }, signal);
      signal.throwIfAborted();
      return meta.ulid;
    } catch (error) {
      await store.removeTree(target);
      throw error;
    } finally {
      await database.store.removeTree(WORK_DIR);
    }
  }
}

function headFacts(head: HeadFacts): HeadFacts {
  const { seriesCount, sampleCount, minTimeMs, maxTimeMs, scraped } = head;
  return { seriesCount, sampleCount, minTimeMs, maxTimeMs, ...(scraped && { scraped }) };
}
