import type { ProcessStats } from '../base/ports/process-stats.ts';
import type { TargetStatus } from '../ingest/index.ts';
import { type InstanceReport, scrapedJson } from '../services/cluster/instances.ts';
import type { Warning } from '../services/health/warning-board.ts';
import type { HeadStats } from '../tsdb/index.ts';
import { sendJson } from './reply.ts';
import type { Handler } from './types.ts';

/** What the plugin knows about itself; nothing but the cluster waits for a disk or a database. */
export interface StatusSource {
  readonly version: string;
  /**
   * `starting` until the database is open, the first targets are known and, in a cluster, it is
   * decided who scrapes; `stalled` while nothing of what is scraped can be stored; `waiting` while
   * another instance scrapes, or may.
   */
  state(): 'starting' | 'running' | 'stalled' | 'waiting' | 'stopping';
  warnings(): readonly Warning[];
  targets(): readonly TargetStatus[];
  /** undefined while the database is not open. */
  head(): HeadStats | undefined;
  /** When the file store last had all blocks, Unix milliseconds; undefined: not yet. */
  lastSyncMs(): number | undefined;
  /** When a block was last brought there; undefined: not yet. */
  lastCopiedMs(): number | undefined;
  readonly process: Pick<ProcessStats, 'memory' | 'loopDelay' | 'startTimeMs'>;
  nowMs(): number;
  /** undefined outside of a cluster. Asks the database, and does not wait long for it. */
  cluster(): Promise<ClusterOverview | undefined>;
}

/** Who does what in a cluster. */
export interface ClusterOverview {
  /** The instance that answers, and its node. */
  readonly instance: string;
  readonly node: string;
  /** The one that scrapes, as the lease has it; undefined: none, or one with the Go plugin. */
  readonly scraper: { readonly node: string; readonly sinceMs: number } | undefined;
  readonly instances: readonly InstanceReport[];
  /** What the one that scrapes says of itself, when it is another one. */
  readonly reported: InstanceReport | undefined;
}

/** `GET /status`. Times in Unix milliseconds, 0 where there is nothing yet. */
export function statusHandler(source: StatusSource): Handler {
  return async ({ response }) => {
    const cluster = await source.cluster();
    const reported = cluster?.reported;
    const head = reported?.head ?? source.head();
    const targets = reported?.targets ?? source.targets();
    const lastSyncMs = reported?.lastSyncMs ?? source.lastSyncMs() ?? 0;
    const lastCopiedMs = reported?.lastCopiedMs ?? source.lastCopiedMs() ?? 0;
    await sendJson(response, {
      version: source.version,
      warnings: allWarnings(source.warnings(), cluster),
      scraper: { state: source.state() },
      process: {
        rss_bytes: source.process.memory().residentBytes,
        event_loop_delay_p999_ms: round(source.process.loopDelay().p999Ms),
        uptime_ms: Math.max(0, source.nowMs() - source.process.startTimeMs),
      },
      sync: { last_success_ms: lastSyncMs, last_copied_ms: lastCopiedMs },
      ...(cluster !== undefined && { cluster: clusterJson(cluster) }),
      targets: targets.map((target) => ({
        url: target.url,
        job: target.job,
        instance: target.instance,
        up: target.up,
        ...(target.absent === true && { absent: true }),
        last_scrape_ms: target.lastScrapeMs ?? 0,
        last_duration_ms: target.lastDurationMs ?? 0,
        last_error: target.lastError ?? '',
        samples: target.samples,
        refused: target.refused,
      })),
      ...(head !== undefined && {
        head: {
          series: head.seriesCount,
          samples: head.sampleCount,
          min_t: head.minTimeMs ?? 0,
          max_t: head.maxTimeMs ?? 0,
          ...scrapedJson(head.scraped),
        },
      }),
    });
  };
}

/** What keeps a node from scraping: it is known to that node alone, whoever scrapes. */
const OF_ONE_NODE: ReadonlySet<string> = new Set([
  'database_look_stuck',
  'database_stuck',
  'database_unavailable',
  'disk_takes_nothing',
  'head_stuck',
  'scrapes_not_stored',
  'storing_failed',
]);

/** One of each kind: our own first, then those of the scraper, then what ails the other nodes. */
export function allWarnings(
  own: readonly Warning[],
  cluster: Pick<ClusterOverview, 'instance' | 'instances' | 'reported'> | undefined,
): Warning[] {
  const { instance, instances = [], reported } = cluster ?? {};
  const others = instances
    .filter((each) => each.instance !== instance && each.instance !== reported?.instance)
    .flatMap(({ node, warnings }) =>
      warnings
        .filter(({ code }) => OF_ONE_NODE.has(code))
        .map((warning) => ({ ...warning, message: `${node}: ${warning.message}` })),
    );
  const found = new Map<string, Warning>();
  for (const warning of [...own, ...(reported?.warnings ?? []), ...others]) {
    if (!found.has(warning.code)) found.set(warning.code, warning);
  }
  return [...found.values()];
}

function clusterJson({ instance, node, scraper, instances }: ClusterOverview): object {
  return {
    id: instance,
    node,
    ...(scraper !== undefined && { scraper: { node: scraper.node, since_ms: scraper.sinceMs } }),
    instances: instances.map((each) => ({
      id: each.instance,
      node: each.node,
      role: each.role,
      version: each.version,
      since_ms: each.sinceMs,
      reported_ms: each.reportedMs,
    })),
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
