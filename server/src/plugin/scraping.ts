import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { HttpClient } from '../base/ports/http-client.ts';
import type { Resolver } from '../base/ports/resolver.ts';
import { RepeatingTask } from '../base/sync/repeating-task.ts';
import { ScrapeManager } from '../ingest/index.ts';
import type {
  ScrapeResult,
  ScrapeSettings,
  StorePermission,
  Target,
  TargetStatus,
} from '../ingest/index.ts';
import { queryDatabaseTime } from '../services/cluster/database-time.ts';
import { queryNodes } from '../services/cluster/nodes.ts';
import type { ClusterNode } from '../services/cluster/nodes.ts';
import type { Settings } from '../services/config/settings.ts';
import { authorize, parseCredentials } from '../services/config/target-credentials.ts';
import { parseExtraTargets, parseHosts } from '../services/config/target-lists.ts';
import { buildTargets, CallsDiscovery } from '../services/discovery/index.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { Appendable } from '../storage/appender.ts';
import type { Host, ServerConfig } from './host.ts';
import { scrapeWarnings } from './scrape-warnings.ts';
import { targetWarnings } from './target-warnings.ts';
import type { Watches } from './watches.ts';

/** Configuration and targets are looked up this often, and at each change of the configuration. */
const REFRESH_PERIOD_MS = 60_000;
/** How soon a target that fails or recovers shows among the warnings. */
const CHECK_PERIOD_MS = 5_000;
/** A busy disk may take its time, however short the interval is. */
const PATIENCE_MS_MIN = 15_000;
const TARGETS_UNKNOWN = 'targets_unknown';
const NODES_UNKNOWN = 'cluster_nodes_unknown';

export interface ScrapingOptions {
  readonly host: Host;
  readonly http: HttpClient;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly board: WarningBoard;
  readonly settings: () => Settings;
  readonly userAgent: string;
  readonly pluginId: string;
  readonly watches: Pick<Watches, 'targets'>;
  readonly onScrape: (result: ScrapeResult) => void;
  /** Told of the server's configuration at each look-up. */
  readonly onConfig: (config: ServerConfig) => void;
}

/** Knows what is to be scraped and keeps the scraper at it once there is a database to write to. */
export class Scraping {
  readonly #options: ScrapingOptions;
  readonly #calls: CallsDiscovery;
  readonly #refreshes: RepeatingTask;
  readonly #checks: RepeatingTask;
  #manager: ScrapeManager | undefined;
  #targets: readonly Target[] | undefined;
  #config: ServerConfig | undefined;
  #nodes: readonly ClusterNode[] = [];
  /** Whether the database was asked for the nodes since this instance scrapes. */
  #areNodesAsked = false;
  #hasLicense = true;
  /** Targets that were up once: only of these, and of the server itself, is silence news. */
  readonly #everUp = new Set<string>();

  constructor(options: ScrapingOptions) {
    this.#options = options;
    const { clock, board, host, resolver } = options;
    const isPluginRunning = (id: string): Promise<boolean> => host.isPluginRunning(id);
    this.#calls = new CallsDiscovery({ isPluginRunning, resolver, clock, board });
    this.#refreshes = new RepeatingTask({
      clock,
      periodMs: () => REFRESH_PERIOD_MS,
      watch: options.watches.targets.watch,
      run: () => this.#refresh(),
      onError: (error) => {
        const message = `What to scrape could not be found out: ${describeError(error)}.`;
        board.raise({ code: TARGETS_UNKNOWN, message }, error);
      },
    });
    this.#checks = new RepeatingTask({
      clock,
      periodMs: () => CHECK_PERIOD_MS,
      run: async () => this.#check(),
      onError: (error) => options.logger.error('Targets could not be checked', { error }),
    });
  }

  /** Whether the first targets are known. */
  get isReady(): boolean {
    return this.#targets !== undefined;
  }

  /** The nodes of the cluster as last seen; empty outside of one. */
  get nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  targets(): TargetStatus[] {
    return this.#manager?.targets() ?? [];
  }

  /**
   * The time in which some scrape of those that are due ends up in the database, if all is well;
   * Infinity while none is due.
   */
  get patienceMs(): number {
    const { intervalMs, timeoutMs } = scrapeSettings(this.#options.settings());
    if (this.targets().length === 0) return Infinity;
    // A target that does not answer is stored as such when its time is up.
    return Math.max(2 * intervalMs, intervalMs + timeoutMs, PATIENCE_MS_MIN);
  }

  start(): void {
    this.#refreshes.start();
    this.#checks.start();
  }

  /** Settings or the server's configuration have changed. */
  wake(): void {
    this.#refreshes.wake();
  }

  /** Begins to scrape into `appendable`, as `mayStore` says at each commit. */
  open(appendable: Appendable, mayStore: () => StorePermission): void {
    const { http, clock, logger, userAgent, onScrape } = this.#options;
    const options = { http, appendable, clock, logger, userAgent, onScrape, mayStore };
    this.#manager = new ScrapeManager(options);
    // Which nodes there are is a matter of the one that scrapes; until then it is not known what to do.
    this.#areNodesAsked = false;
    if (this.#config?.isCluster === true) this.#targets = undefined;
    this.#apply();
    this.#refreshes.wake();
  }

  /** What waits in memory may be stored now. */
  settle(): void {
    this.#manager?.settle();
  }

  /** Scrapes no more. Resolves when the last samples and, if they may be, stale markers are stored. */
  async close(): Promise<void> {
    const manager = this.#manager;
    this.#manager = undefined;
    await manager?.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#refreshes.stop(), this.#checks.stop(), this.close()]);
  }

  async #refresh(): Promise<void> {
    const { host, board, onConfig } = this.#options;
    const config = await host.serverConfig();
    this.#config = config;
    onConfig(config);
    await this.#findNodes(config);
    this.#applyTargets(config);
    board.clear(TARGETS_UNKNOWN);
    // Names may take seconds to resolve, and nobody else shall wait for them.
    await this.#calls.look(config.rtcdServiceUrl);
    this.#applyTargets(config);
    this.#hasLicense = await host.hasMetricsLicense();
    this.#check();
  }

  /** A database that does not answer leaves the nodes as they were known. */
  async #findNodes(config: ServerConfig): Promise<void> {
    const { host, board, clock } = this.#options;
    if (!config.isCluster) this.#nodes = [];
    if (!config.isCluster || this.#manager === undefined) {
      board.clear(NODES_UNKNOWN);
      return;
    }
    try {
      const { sqlDriver, clusterName } = config;
      const query = host.query.bind(host);
      // By a clock that is ahead, all other nodes would have been silent for long.
      const databaseMs = await queryDatabaseTime(query, sqlDriver).catch(() => undefined);
      const nowMs = Math.min(clock.nowMs(), databaseMs ?? Infinity);
      this.#nodes = await queryNodes(query, sqlDriver, clusterName, nowMs);
      board.clear(NODES_UNKNOWN);
    } catch (error) {
      const message = `The nodes of the cluster could not be read: ${describeError(error)}.`;
      const action = 'Those that were known are scraped; it is tried again every minute.';
      board.raise({ code: NODES_UNKNOWN, message, action }, error);
    }
    this.#areNodesAsked = true;
  }

  #applyTargets(config: ServerConfig): void {
    if (config.isCluster && !this.#areNodesAsked) return;
    const settings = this.#options.settings();
    const list = buildTargets({
      listenAddress: config.metricsListenAddress,
      nodes: this.#nodes,
      enableNodeExporter: settings.enableNodeExporterTargets,
      nodeExporterPort: settings.nodeExporterPort,
      pluginId: this.#options.pluginId,
      calls: this.#calls.known,
      // What is wrong with the lists is told where the settings are loaded.
      callsOffloaderHosts: parseHosts(settings.callsOffloaderHosts).entries,
      extraTargets: authorize(
        parseExtraTargets(settings.extraTargets).entries,
        parseCredentials(settings.targetCredentials).entries,
      ).entries,
    });
    for (const { code, warning } of targetWarnings(list)) this.#options.board.set(code, warning);
    this.#targets = list.targets;
    this.#apply();
  }

  #apply(): void {
    if (this.#targets === undefined) return;
    this.#manager?.apply(scrapeSettings(this.#options.settings()), this.#targets);
  }

  #check(): void {
    if (this.#config === undefined) return;
    const targets = this.targets();
    for (const target of targets) if (target.up) this.#everUp.add(target.url);
    const warnings = scrapeWarnings({
      config: this.#config,
      hasLicense: this.#hasLicense,
      targets,
      storeFault: this.#manager?.storeFault,
      wasUp: (url) => this.#everUp.has(url),
    });
    for (const { code, warning } of warnings) this.#options.board.set(code, warning);
  }
}

function scrapeSettings(settings: Settings): ScrapeSettings {
  return {
    intervalMs: settings.scrapeIntervalSeconds * 1000,
    timeoutMs: settings.scrapeTimeoutSeconds * 1000,
    bodyLimitBytes: settings.bodySizeLimitBytes,
    sampleLimit: settings.sampleLimit,
    labelLimits: {
      count: settings.labelLimit,
      nameBytes: settings.labelNameLengthLimit,
      valueBytes: settings.labelValueLengthLimit,
    },
    honorTimestamps: settings.honorTimestamps,
    extraCa: settings.targetCA,
  };
}
