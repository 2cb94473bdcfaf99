import { RepeatingTask } from '../base/sync/repeating-task.ts';
import { makeApi } from '../httpapi/routes.ts';
import type { StatusSource } from '../httpapi/status.ts';
import type { Router } from '../httpapi/router.ts';
import { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import { BlockSync } from '../services/blocksync/block-sync.ts';
import { queryDatabaseTime } from '../services/cluster/database-time.ts';
import { defaultSettings, parseSettings } from '../services/config/parse-settings.ts';
import type { Settings } from '../services/config/settings.ts';
import { DumpService } from '../services/dump/dump-service.ts';
import { removeGoWrecks } from '../services/dump/go-wrecks.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { JobService } from '../services/jobs/job-service.ts';
import { JobStore } from '../services/jobs/job-store.ts';
import { newJobId } from '../services/jobs/job.ts';
import { ListLock } from '../services/jobs/list-lock.ts';
import { collectSupportFiles } from '../services/supportpacket/support-packet.ts';
import type { PacketFile } from '../services/supportpacket/support-packet.ts';
import { Cluster } from './cluster.ts';
import { clusterOverview, otherScraper } from './cluster-status.ts';
import { DatabaseKeeper } from './database-keeper.ts';
import { METRICS_COMMAND, runMetricsCommand } from './dump-command.ts';
import type { CommandCall } from './dump-command.ts';
import { FileStoreKeeper } from './file-store-keeper.ts';
import type { ClusterEvent, Host, ServerConfig } from './host.ts';
import { OwnMetrics } from './own-metrics.ts';
import type { Platform, PluginInfo } from './platform.ts';
import { ReferenceKeeper } from './reference-keeper.ts';
import { Scraping } from './scraping.ts';
import { restartWarning, settingsWarning } from './settings-warnings.ts';
import { collectStatistics } from './statistics.ts';
import { statusText } from './status-command.ts';
import { deactivate } from './stop.ts';
import { Syncing } from './syncing.ts';

/** How often the parts look after themselves between the events that wake them. */
const UPKEEP_PERIOD_MS = 30_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const SETTINGS_WARNING = 'settings_invalid';
const RESTART_WARNING = 'restart_needed';

/**
 * The whole plugin, from `start` to `stop`. Nothing in `start` waits: each part begins in the
 * background, is tried again until it works, and says on the warning board what is wrong.
 */
export class MetricsPlugin {
  readonly #host: Host;
  readonly #platform: Platform;
  readonly #info: PluginInfo;
  readonly #board: WarningBoard;
  readonly #catalog = new BlockCatalog();
  readonly #fileStore: FileStoreKeeper;
  readonly #reference: ReferenceKeeper;
  readonly #scraping: Scraping;
  readonly #cluster: Cluster;
  readonly #syncing: Syncing;
  readonly #jobs: JobService;
  readonly #dumps: DumpService;
  readonly #upkeep: RepeatingTask;
  readonly #starting = new AbortController();
  /** Aborted, in the sense of "happened", when the server's configuration was read once. */
  readonly #configKnown = new AbortController();
  readonly #status: StatusSource;
  readonly api: Router;
  readonly ownMetrics: OwnMetrics;
  #database: DatabaseKeeper | undefined;
  #settings: Settings = defaultSettings();
  #config: ServerConfig | undefined;
  #isCommandRegistered = false;
  #isStopping = false;

  constructor(host: Host, platform: Platform, info: PluginInfo) {
    this.#host = host;
    this.#platform = platform;
    this.#info = info;
    const { log: logger } = host;
    const { clock, fs, http, resolver } = platform;
    const board = new WarningBoard(logger);
    this.#board = board;
    const settings = (): Settings => this.#settings;
    this.ownMetrics = this.#makeOwnMetrics();
    this.#fileStore = new FileStoreKeeper({ fs, clock, board, onChange: () => this.#onStore() });
    this.#dumps = this.#makeDumps();
    this.#jobs = this.#makeJobs(this.#dumps);
    const reference = this.#makeReference();
    this.#reference = reference;
    this.#syncing = new Syncing({
      blockSync: new BlockSync({ catalog: this.#catalog, logger, ...reference.clocks }),
      reference,
      catalog: this.#catalog,
      tasks: platform.tasks,
      database: () => this.#database?.current,
      fileStore: this.#fileStore,
      settings,
      isScraper: () => this.#cluster.roles.isScraper,
      dumpJobs: () => this.#jobs.list(),
      board,
      clock,
      logger,
      onUpload: (outcome) => this.ownMetrics.countUpload(outcome),
    });
    this.#scraping = new Scraping({
      host,
      http,
      resolver,
      clock,
      logger,
      board,
      settings,
      userAgent: `mattermost-plugin-metrics/${info.version}`,
      pluginId: info.id,
      onScrape: (result) => {
        this.ownMetrics.countScrape(result);
        this.#cluster.roles.noteScrape(result);
      },
      onConfig: (config) => {
        this.#config = config;
        this.#fileStore.configure(config);
        this.#cluster.configure(config);
        this.#configKnown.abort();
      },
    });
    this.#cluster = new Cluster({
      host,
      platform,
      info,
      scraping: this.#scraping,
      syncing: this.#syncing,
      fileStore: this.#fileStore,
      board,
    });
    this.#upkeep = new RepeatingTask({
      clock,
      periodMs: () => UPKEEP_PERIOD_MS,
      run: () => this.#doUpkeep(),
      onError: (error) => logger.warn('Upkeep failed; trying again', { error }),
    });
    this.#status = this.#makeStatus();
    this.api = this.#makeApi();
  }

  /** Resolves at once, with everything on its way. */
  start(): void {
    const start = new RepeatingTask({
      clock: this.#platform.clock,
      // One good turn is all; the loop then sleeps until it is stopped.
      periodMs: () => 2 ** 31 - 1,
      run: async () => {
        await this.#loadSettings();
        this.#startParts();
      },
      onError: (error) => {
        this.#host.log.error('The settings could not be loaded; trying again', { error });
      },
    });
    start.start();
    this.ownMetrics.registry.prepare().catch((error: unknown) => {
      this.#host.log.error('The plugin’s own metrics could not be prepared', { error });
    });
    this.#starting.signal.addEventListener('abort', () => void start.stop(), { once: true });
    this.#upkeep.start();
  }

  /** The configuration of the server or of the plugin has changed. */
  async reconfigure(): Promise<void> {
    if (this.#isStopping) return;
    await this.#loadSettings();
    this.#scraping.wake();
    this.#syncing.wake();
  }

  /** Ends everything within the time that the host gives; nothing stored is lost if it is short. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#starting.abort();
    await deactivate({
      clock: this.#platform.clock,
      logger: this.#host.log,
      jobs: this.#jobs,
      scraping: this.#scraping,
      cluster: this.#cluster,
      syncing: this.#syncing,
      upkeep: this.#upkeep,
      database: this.#database,
    });
  }

  /** Another instance of the cluster has something to say. */
  onClusterEvent(event: ClusterEvent): void {
    this.#cluster.onEvent(event);
  }

  runCommand(call: CommandCall): Promise<string> {
    return runMetricsCommand(call, {
      host: this.#host,
      jobs: this.#jobs,
      status: () => statusText(this.#status),
      downloadLink: (id) => this.#downloadLink(id),
      clock: this.#platform.clock,
      logger: this.#host.log,
    });
  }

  supportFiles(): Promise<PacketFile[]> {
    return collectSupportFiles({
      jobs: () => this.#jobs.list(),
      fileStore: () => this.#fileStore.require(),
      downloadLink: (id) => this.#downloadLink(id),
    });
  }

  #makeOwnMetrics(): OwnMetrics {
    const { fs, process } = this.#platform;
    return new OwnMetrics({
      logger: this.#host.log,
      process,
      fs,
      version: this.#info.version,
      targets: () => this.#scraping.targets(),
      database: () => this.#database?.current,
      warningCount: () => this.#board.list().length,
      lastSyncMs: () => this.#syncing.lastSuccessMs,
    });
  }

  #makeReference(): ReferenceKeeper {
    const host = this.#host;
    const query = host.query.bind(host);
    return new ReferenceKeeper({
      database: () => this.#database?.current,
      databaseTime: () => queryDatabaseTime(query, this.#config?.sqlDriver ?? ''),
      catalog: this.#catalog,
      retentionMs: () => this.#settings.retentionDurationDays * DAY_MS,
      board: this.#board,
      clock: this.#platform.clock,
      logger: host.log,
    });
  }

  #makeDumps(): DumpService {
    const { clock, packer, tasks } = this.#platform;
    return new DumpService({
      database: () => this.#database?.current,
      fileStore: () => this.#fileStore.require(),
      identity: async () => ({
        ...(await this.#host.identity()),
        pluginId: this.#info.id,
        pluginVersion: this.#info.version,
      }),
      askScraper: (run) => this.#cluster.askScraper(run),
      missingSamples: () => this.#cluster.missingSamples(),
      catalog: this.#catalog,
      packer,
      tasks,
      sizeLimitBytes: () => this.#settings.dumpSizeLimitBytes,
      clock,
      logger: this.#host.log,
    });
  }

  #makeJobs(dumps: DumpService): JobService {
    const { clock, fs, randomBytes } = this.#platform;
    const { kv, log: logger } = this.#host;
    const isCluster = (): boolean => this.#config?.isCluster ?? true;
    const lock = new ListLock({ kv, clock, logger, pluginId: this.#info.id, isCluster });
    return new JobService({
      store: new JobStore(kv, clock, lock),
      dumps: this.ownMetrics.counting(dumps),
      clock,
      logger,
      newId: () => newJobId(randomBytes),
      owner: () => this.#cluster.node,
      isCluster,
      removeWrecks: (isRunning) => removeGoWrecks(fs, isRunning),
    });
  }

  #makeApi(): Router {
    return makeApi({
      logger: this.#host.log,
      isAdministrator: (userId) => this.#host.isAdministrator(userId),
      jobs: this.#jobs,
      fileStore: () => this.#fileStore.require(),
      writeTimeoutSeconds: () => this.#config?.writeTimeoutSeconds ?? 0,
      stats: async () => {
        const database = this.#database?.current;
        const head = otherScraper(await this.#cluster.view())?.head;
        const { bounds } = this.#reference;
        const log = this.#host.log;
        return collectStatistics(database, head, this.#fileStore, this.#catalog, bounds, log);
      },
      status: this.#status,
    });
  }

  #makeStatus(): StatusSource {
    return {
      version: this.#info.version,
      state: () => (this.#isStopping ? 'stopping' : this.#cluster.roles.state),
      warnings: () => this.#board.list(),
      targets: () => this.#scraping.targets(),
      cluster: async () => clusterOverview(await this.#cluster.view()),
      head: () => this.#database?.current?.db.headStats(),
      lastSyncMs: () => this.#syncing.lastSuccessMs,
      process: this.#platform.process,
      nowMs: () => this.#platform.clock.nowMs(),
    };
  }

  async #loadSettings(): Promise<void> {
    const { settings, problems } = parseSettings(await this.#host.loadSettings());
    this.#board.set(SETTINGS_WARNING, settingsWarning(problems));
    this.#settings = settings;
    this.#platform.tasks.limit(settings.workerThreads);
    const database = this.#database;
    database?.move(settings.dbPath);
    this.#board.set(RESTART_WARNING, restartWarning(database?.dir, settings.dbPath));
  }

  #startParts(): void {
    if (this.#isStopping || this.#database !== undefined) return;
    const { fs, clock, openDb } = this.#platform;
    const logger = this.#host.log;
    const database = new DatabaseKeeper({
      fs,
      clock,
      logger,
      board: this.#board,
      dir: this.#settings.dbPath,
      openDb: (dir) => openDb(dir, logger),
      onOpen: (open) => {
        this.#cluster.open(open);
        this.#syncing.wake();
        this.#removeLeftovers();
      },
    });
    this.#database = database;
    database.start();
    this.#scraping.start();
    this.#cluster.start();
    this.#syncing.start();
    this.#startJobs(database).catch((error: unknown) => {
      logger.error('Dump jobs could not be started', { error });
    });
  }

  /**
   * A dump made while the database is still being read would lack what is in it, and without the
   * configuration nobody knows where it belongs and whose jobs these are.
   */
  async #startJobs(database: DatabaseKeeper): Promise<void> {
    await Promise.all([database.tried, happened(this.#configKnown.signal)]);
    if (!this.#isStopping) this.#jobs.start();
  }

  #removeLeftovers(): void {
    this.#dumps.removeLeftovers().catch((error: unknown) => {
      this.#host.log.warn('Remains of old dumps could not be removed', { error });
    });
  }

  #onStore(): void {
    this.#catalog.clear();
    this.#syncing.wake();
  }

  async #doUpkeep(): Promise<void> {
    this.#syncing.noticeNewBlocks();
    await this.#cluster.tend();
    await this.ownMetrics.measure();
    if (!this.#isCommandRegistered) {
      await this.#host.registerCommand(METRICS_COMMAND);
      this.#isCommandRegistered = true;
    }
    // Last: a store that is out of reach takes minutes to say so.
    await this.#fileStore.check();
  }

  #downloadLink(jobId: string): string {
    const siteUrl = this.#config?.siteUrl ?? '';
    return `${siteUrl}/plugins/${this.#info.id}/jobs/download/${jobId}`;
  }
}

function happened(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
