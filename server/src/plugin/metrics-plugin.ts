import { happened } from '../base/sync/happened.ts';
import { RepeatingTask } from '../base/sync/repeating-task.ts';
import { makeApi } from '../httpapi/routes.ts';
import type { StatusSource } from '../httpapi/status.ts';
import type { Router } from '../httpapi/router.ts';
import { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import { BlockSync } from '../services/blocksync/block-sync.ts';
import { defaultSettings, parseSettings } from '../services/config/parse-settings.ts';
import type { Settings } from '../services/config/settings.ts';
import { DumpService } from '../services/dump/dump-service.ts';
import { removeGoWrecks } from '../services/dump/go-wrecks.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import { JobService } from '../services/jobs/job-service.ts';
import { JobStore } from '../services/jobs/job-store.ts';
import { newJobId } from '../services/jobs/job.ts';
import { ListLock } from '../services/jobs/list-lock.ts';
import { collectSupportFiles, type PacketFile } from '../services/supportpacket/support-packet.ts';
import { Cluster } from './cluster.ts';
import { clusterOverview, otherScraper } from './cluster-status.ts';
import { DatabaseKeeper } from './database-keeper.ts';
import { runMetricsCommand, type CommandCall } from './dump-command.ts';
import { FileStoreKeeper } from './file-store-keeper.ts';
import { Health } from './health.ts';
import type { ClusterEvent, Host, ServerConfig } from './host.ts';
import { OwnMetrics } from './own-metrics.ts';
import type { Platform, PluginInfo } from './platform.ts';
import { ReferenceKeeper } from './reference-keeper.ts';
import { Scraping } from './scraping.ts';
import { setAsideWarning } from './set-aside-warning.ts';
import { restartWarning, settingsWarning } from './settings-warnings.ts';
import { Statistics } from './statistics.ts';
import { statusText } from './status-command.ts';
import { deactivate } from './stop.ts';
import { Syncing } from './syncing.ts';
import { upkeepTasks } from './upkeep.ts';
import { movingStore } from './watched-store.ts';
import { watchedDumps } from './watches.ts';

const OPENING_PATIENCE_MS = 5 * 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const SETTINGS_WARNING = 'settings_invalid';
const SET_ASIDE_WARNING = 'jobs_set_aside';
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
  readonly #health: Health;
  readonly #catalog = new BlockCatalog();
  readonly #statistics: Statistics;
  readonly #fileStore: FileStoreKeeper;
  readonly #reference: ReferenceKeeper;
  readonly #scraping: Scraping;
  readonly #cluster: Cluster;
  readonly #syncing: Syncing;
  readonly #jobs: JobService;
  readonly #dumps: DumpService;
  readonly #upkeep: readonly RepeatingTask[];
  readonly #loading: RepeatingTask;
  /** Aborted, in the sense of "happened", when the server's configuration was read once. */
  readonly #configKnown = new AbortController();
  readonly #status: StatusSource;
  readonly api: Router;
  readonly ownMetrics: OwnMetrics;
  #database: DatabaseKeeper | undefined;
  #settings: Settings = defaultSettings();
  #settingsProblems: readonly string[] = [];
  #config: ServerConfig | undefined;
  #isStopping = false;
  /** Not before it was looked whether some were set aside. */
  #areAllJobsKnown = false;

  constructor(server: Host, platform: Platform, info: PluginInfo) {
    this.#platform = platform;
    this.#info = info;
    const { log: logger } = server;
    const { clock, makeStoreFs } = platform;
    const health = new Health(server, clock);
    this.#health = health;
    const { board, watchdog, watches, host } = health;
    this.#board = board;
    this.#host = host;
    this.ownMetrics = this.#makeOwnMetrics();
    this.#fileStore = new FileStoreKeeper({
      makeStoreFs,
      clock,
      board,
      watchdog,
      onChange: () => this.#onStore(),
    });
    const common = this.#common;
    this.#statistics = new Statistics({
      ...common,
      fileStore: this.#fileStore,
      otherHead: async () => otherScraper(await this.#cluster.view())?.head,
      bounds: () => this.#reference.bounds,
    });
    this.#dumps = this.#makeDumps();
    this.#jobs = this.#makeJobs(this.#dumps);
    const reference = new ReferenceKeeper({
      ...common,
      databaseTime: () => this.#cluster.databaseTime(),
      retentionMs: () => this.#settings.retentionDurationDays * DAY_MS,
    });
    this.#reference = reference;
    const { tasks } = platform;
    this.#syncing = new Syncing({
      ...common,
      blockSync: new BlockSync({ catalog: this.#catalog, tasks, logger, ...reference.clocks }),
      reference,
      tasks,
      fileStore: this.#fileStore,
      settings: () => this.#settings,
      isScraper: () => this.#cluster.roles.isScraper,
      dumpJobs: () => this.#jobs.list(),
      areAllJobsKnown: () => this.#areAllJobsKnown,
      watches,
      onUpload: (outcome) => this.ownMetrics.countUpload(outcome),
    });
    this.#scraping = this.#makeScraping();
    this.#cluster = new Cluster({
      host,
      platform,
      info,
      scraping: this.#scraping,
      syncing: this.#syncing,
      fileStore: this.#fileStore,
      board,
      watchdog,
      watches,
    });
    const { ownMetrics } = this;
    const [fileStore, syncing, cluster] = [this.#fileStore, this.#syncing, this.#cluster];
    this.#upkeep = upkeepTasks({ host, clock, watches, ownMetrics, fileStore, syncing, cluster });
    this.#loading = this.#makeLoading();
    this.#status = this.#makeStatus();
    this.api = this.#makeApi();
  }

  /** Resolves at once, with everything on its way. */
  start(): void {
    this.#health.watchdog.start();
    this.#loading.start();
    this.ownMetrics.registry.prepare().catch((error: unknown) => {
      this.#host.log.error('The plugin’s own metrics could not be prepared', { error });
    });
    for (const task of this.#upkeep) task.start();
  }

  /** The configuration of the server or of the plugin has changed; nobody waits until it is read. */
  reconfigure(): void {
    this.#loading.wake();
  }

  /** What is wrong with the settings as they are stored, a sentence each. */
  get settingsProblems(): readonly string[] {
    return this.#settingsProblems;
  }

  /** Ends everything within the time that the host gives; nothing stored is lost if it is short. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const background = [this.#loading, this.#health.watchdog, ...this.#upkeep];
    await deactivate({
      ...this.#common,
      jobs: this.#jobs,
      scraping: this.#scraping,
      cluster: this.#cluster,
      syncing: this.#syncing,
      upkeep: { stop: async () => void (await Promise.all(background.map((task) => task.stop()))) },
      database: this.#database,
    });
  }

  /** Another instance of the cluster has something to say. */
  onClusterEvent(event: ClusterEvent): void {
    this.#cluster.onEvent(event);
  }

  runCommand(call: CommandCall): Promise<string> {
    return runMetricsCommand(call, {
      slowest: () => this.#health.slowest(),
      host: this.#host,
      jobs: this.#jobs,
      status: () => statusText(this.#status),
      downloadLink: (id) => this.#downloadLink(id),
      ...this.#common,
    });
  }

  supportFiles(): Promise<PacketFile[]> {
    return collectSupportFiles({
      clock: this.#platform.clock,
      slowest: () => this.#health.slowest(),
      jobs: () => this.#jobs.list(),
      fileStore: () => this.#fileStore.require(),
      downloadLink: (id) => this.#downloadLink(id),
    });
  }

  /** What nearly all parts need. */
  get #common() {
    return {
      catalog: this.#catalog,
      database: () => this.#database?.current,
      clock: this.#platform.clock,
      logger: this.#host.log,
      board: this.#board,
    };
  }

  #makeScraping(): Scraping {
    const { http, resolver } = this.#platform;
    return new Scraping({
      ...this.#common,
      host: this.#host,
      http,
      resolver,
      settings: () => this.#settings,
      userAgent: `mattermost-plugin-metrics/${this.#info.version}`,
      pluginId: this.#info.id,
      watches: this.#health.watches,
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
  }

  #makeOwnMetrics(): OwnMetrics {
    const { fs, process } = this.#platform;
    return new OwnMetrics({
      ...this.#common,
      process,
      fs,
      version: this.#info.version,
      targets: () => this.#scraping.targets(),
      warningCount: () => this.#board.list().length,
      lastSyncMs: () => this.#syncing.lastSuccessMs,
    });
  }

  #makeDumps(): DumpService {
    const { packer, tasks } = this.#platform;
    return new DumpService({
      ...this.#common,
      fileStore: () => movingStore(this.#fileStore.require(), this.#health.watches.dump.move),
      identity: async () => ({
        ...(await this.#host.identity()),
        pluginId: this.#info.id,
        pluginVersion: this.#info.version,
      }),
      askScraper: (run) => this.#cluster.askScraper(run),
      missingSamples: () => this.#cluster.missingSamples(),
      packer,
      tasks,
      sizeLimitBytes: () => this.#settings.dumpSizeLimitBytes,
    });
  }

  #makeJobs(dumps: DumpService): JobService {
    const { clock, fs, randomBytes } = this.#platform;
    const { kv, log: logger } = this.#host;
    const isCluster = (): boolean => this.#config?.isCluster ?? true;
    const lock = new ListLock({ kv, clock, logger, pluginId: this.#info.id, isCluster });
    const { jobs, dump } = this.#health.watches;
    return new JobService({
      store: new JobStore(kv, clock, lock, (keys) => {
        this.#areAllJobsKnown = keys.length === 0;
        this.#board.set(SET_ASIDE_WARNING, setAsideWarning(keys));
      }),
      dumps: watchedDumps(this.ownMetrics.counting(dumps), dump),
      watch: jobs.watch,
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
      ...this.#common,
      slowest: () => this.#health.slowest(),
      isAdministrator: (userId) => this.#host.isAdministrator(userId),
      jobs: this.#jobs,
      fileStore: () => this.#fileStore.require(),
      writeTimeoutSeconds: () => this.#config?.writeTimeoutSeconds ?? 0,
      stats: () => this.#statistics.collect(),
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
      lastCopiedMs: () => this.#syncing.lastCopiedMs,
      process: this.#platform.process,
      nowMs: () => this.#platform.clock.nowMs(),
    };
  }

  async #loadSettings(): Promise<void> {
    const { settings, problems } = parseSettings(await this.#host.loadSettings());
    this.#board.set(SETTINGS_WARNING, settingsWarning(problems));
    this.#settingsProblems = problems.map(({ message }) => message);
    this.#settings = settings;
    this.#platform.tasks.limit(settings.workerThreads);
    const database = this.#database;
    database?.move(settings.dbPath);
    this.#board.set(RESTART_WARNING, restartWarning(database?.dir, settings.dbPath));
  }

  #startParts(): void {
    if (this.#isStopping || this.#database !== undefined) return;
    const { makeStoreFs, openDb } = this.#platform;
    const { logger } = this.#common;
    const database = new DatabaseKeeper({
      ...this.#common,
      fs: makeStoreFs(),
      watch: this.#health.watches.database.watch,
      placeWatch: this.#health.watches.place.watch,
      dir: this.#settings.dbPath,
      openDb: (dir) => openDb(dir, logger),
      writesSnapshot: () => this.#settings.enableMemorySnapshotOnShutdown,
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
   * configuration nobody knows where it belongs and whose jobs these are. A database that does not
   * open for minutes keeps nobody from the dumps of what is in the file store.
   */
  async #startJobs(database: DatabaseKeeper): Promise<void> {
    const tried = Promise.race([database.tried, this.#platform.clock.sleep(OPENING_PATIENCE_MS)]);
    await Promise.all([tried, happened(this.#configKnown.signal)]);
    if (!this.#isStopping) this.#jobs.start();
  }

  #removeLeftovers(): void {
    this.#dumps.removeLeftovers().catch((error: unknown) => {
      this.#host.log.warn('Remains of old dumps could not be removed', { error });
    });
  }

  #onStore(): void {
    this.#catalog.clear();
    this.#statistics.forgetStore();
    this.#syncing.wake();
  }

  /** One good turn is all, before which nothing begins; then the loop sleeps until something has changed. */
  #makeLoading(): RepeatingTask {
    return new RepeatingTask({
      clock: this.#platform.clock,
      periodMs: () => 2 ** 31 - 1,
      retryMaxMs: 30_000,
      watch: this.#health.watches.settings.watch,
      run: async () => {
        await this.#loadSettings();
        this.#startParts();
        this.#scraping.wake();
        this.#syncing.wake();
      },
      onError: (error) => {
        this.#host.log.error('The settings could not be loaded; trying again', { error });
      },
    });
  }

  #downloadLink(jobId: string): string {
    const siteUrl = this.#config?.siteUrl ?? '';
    return `${siteUrl}/plugins/${this.#info.id}/jobs/download/${jobId}`;
  }
}
