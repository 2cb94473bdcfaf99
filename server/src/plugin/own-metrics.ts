import { hasCode } from '../base/errors.ts';
import type { Fs } from '../base/ports/fs.ts';
import type { Logger } from '../base/log.ts';
import type { ProcessStats } from '../base/ports/process-stats.ts';
import type { MetricsSource } from '../httpapi/metrics.ts';
import type { ScrapeResult, TargetStatus } from '../ingest/index.ts';
import type { DumpMaker } from '../services/jobs/dump-maker.ts';
import { CountsByKind, gauge } from '../services/selfmetrics/family.ts';
import { processFamilies } from '../services/selfmetrics/process-families.ts';
import { ScrapeMetrics } from '../services/selfmetrics/scrape-families.ts';
import { METRICS_CONTENT_TYPE, SelfMetrics } from '../services/selfmetrics/self-metrics.ts';
import { storageFamilies } from '../services/selfmetrics/storage-families.ts';
import type { OpenDatabase } from './database-keeper.ts';

export interface OwnMetricsOptions {
  readonly logger: Logger;
  readonly process: ProcessStats;
  readonly fs: Fs;
  readonly version: string;
  readonly targets: () => readonly TargetStatus[];
  readonly database: () => OpenDatabase | undefined;
  readonly warningCount: () => number;
  readonly lastSyncMs: () => number | undefined;
}

/** What the plugin tells about itself through the server's metrics listener. */
export class OwnMetrics implements MetricsSource {
  readonly contentType = METRICS_CONTENT_TYPE;
  /** For families of other parts. */
  readonly registry: SelfMetrics;
  readonly #options: OwnMetricsOptions;
  readonly #scrapes: ScrapeMetrics;
  readonly #dumps = new CountsByKind(['success', 'error', 'cancelled']);
  readonly #uploads = new CountsByKind(['success', 'error']);
  #walBytes: number | undefined;

  constructor(options: OwnMetricsOptions) {
    this.#options = options;
    const { process, version, targets, database, warningCount, lastSyncMs } = options;
    this.registry = new SelfMetrics(options.logger);
    this.#scrapes = new ScrapeMetrics(targets);
    this.registry.add(processFamilies(process, version));
    this.registry.add(this.#scrapes.families);
    this.registry.add(
      storageFamilies({
        head: () => database()?.db.headStats(),
        wal: () => database()?.db.walStats(),
        walBytes: () => this.#walBytes,
        blockCount: () => database()?.blocks().length,
      }),
    );
    this.registry.add([
      this.#dumps.family('dump_jobs_total', 'Dump jobs that ended here, by outcome.', 'outcome'),
      this.#uploads.family(
        'sync_runs_total',
        'Runs that brought blocks to the file store, by outcome.',
        'outcome',
      ),
      gauge('sync_last_success_timestamp_seconds', 'When the file store had all blocks.', () => {
        const timeMs = lastSyncMs();
        return timeMs && timeMs / 1000;
      }),
      gauge('warnings', 'Warnings in the panel of the System Console.', warningCount),
    ]);
  }

  async render(): Promise<string> {
    const text = await this.registry.render();
    this.#options.process.beginInterval();
    return text;
  }

  countScrape(result: ScrapeResult): void {
    this.#scrapes.count(result);
  }

  countUpload(outcome: 'success' | 'error'): void {
    this.#uploads.add(outcome);
  }

  /** `dumps`, with their outcomes counted. */
  counting(dumps: DumpMaker): DumpMaker {
    return {
      make: async (run) => {
        try {
          const result = await dumps.make(run);
          this.#dumps.add('success');
          return result;
        } catch (error) {
          this.#dumps.add(run.signal.aborted ? 'cancelled' : 'error');
          throw error;
        }
      },
      remove: (jobId) => dumps.remove(jobId),
      removeLeftovers: () => dumps.removeLeftovers(),
    };
  }

  /** Looks how large the log is; an answer to the server must not wait for the disk. */
  async measure(): Promise<void> {
    const database = this.#options.database();
    if (database === undefined) return;
    this.#walBytes = await folderBytes(this.#options.fs, `${database.db.dir}/wal`);
  }
}

/** Size of all files in a folder and its folders; what vanishes meanwhile does not count. */
async function folderBytes(fs: Fs, dir: string): Promise<number> {
  let sum = 0;
  for (const { name, isDirectory } of await entriesOf(fs, dir)) {
    const path = `${dir}/${name}`;
    sum += isDirectory ? await folderBytes(fs, path) : ((await fs.stat(path))?.sizeBytes ?? 0);
  }
  return sum;
}

async function entriesOf(fs: Fs, dir: string): ReturnType<Fs['list']> {
  try {
    return await fs.list(dir);
  } catch (error) {
    if (hasCode(error, 'ERR_FS_NOT_FOUND')) return [];
    throw error;
  }
}
