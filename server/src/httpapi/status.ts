import type { ProcessStats } from '../base/ports/process-stats.ts';
import type { TargetStatus } from '../ingest/index.ts';
import type { Warning } from '../services/health/warning-board.ts';
import type { HeadStats } from '../tsdb/index.ts';
import { sendJson } from './reply.ts';
import type { Handler } from './types.ts';

/** What the plugin knows about itself; nothing here waits for a disk or a database. */
export interface StatusSource {
  readonly version: string;
  /** `starting` until the database is open and the first targets are known. */
  state(): 'starting' | 'running' | 'stopping';
  warnings(): readonly Warning[];
  targets(): readonly TargetStatus[];
  /** undefined while the database is not open. */
  head(): HeadStats | undefined;
  /** When blocks were last brought to the file store, Unix milliseconds; undefined: not yet. */
  lastSyncMs(): number | undefined;
  readonly process: Pick<ProcessStats, 'memory' | 'loopDelay' | 'startTimeMs'>;
  nowMs(): number;
}

/** `GET /status`. Times in Unix milliseconds, 0 where there is nothing yet. */
export function statusHandler(source: StatusSource): Handler {
  return async ({ response }) => {
    const head = source.head();
    await sendJson(response, {
      version: source.version,
      warnings: source.warnings(),
      scraper: { state: source.state() },
      process: {
        rss_bytes: source.process.memory().residentBytes,
        event_loop_delay_p999_ms: round(source.process.loopDelay().p999Ms),
        uptime_ms: Math.max(0, source.nowMs() - source.process.startTimeMs),
      },
      sync: { last_success_ms: source.lastSyncMs() ?? 0 },
      targets: source.targets().map((target) => ({
        url: target.url,
        job: target.job,
        instance: target.instance,
        up: target.up,
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
        },
      }),
    });
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
