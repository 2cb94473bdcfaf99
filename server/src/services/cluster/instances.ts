import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { redactText, redactUrl } from '../../base/redact.ts';
import { RepeatingTask } from '../../base/sync/repeating-task.ts';
import type { Watch } from '../../base/sync/repeating-task.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import type { TargetStatus } from '../../ingest/index.ts';
import type { Warning } from '../health/warning-board.ts';
import type { HeadFacts } from '../stats/stats.ts';
import { fieldsOf, numberField, readFields, textField } from './json-row.ts';

/** The part of the server's key-value store that the reports need. */
export interface ReportKeyValueStore {
  get(key: string): Promise<Uint8Array | undefined>;
  setFor(key: string, value: Uint8Array, seconds: number): Promise<void>;
  delete(key: string): Promise<void>;
  keys(prefix: string): Promise<string[]>;
}

/** One instance of the plugin, as it sees itself. */
export interface InstanceReport {
  readonly instance: string;
  /** The name of its machine. */
  readonly node: string;
  readonly version: string;
  /** `starting`, `scraper`, `lapsed` or `waiting`; maybe another text from a later version. */
  readonly role: string;
  /** Since when it scrapes, Unix milliseconds; 0 when it does not. */
  readonly sinceMs: number;
  /** When its blocks were last brought to the file store; 0: not yet. */
  readonly lastSyncMs: number;
  /** When it last brought a block there; 0: not yet. */
  readonly lastCopiedMs: number;
  /** When the report was made, by its own clock. */
  readonly reportedMs: number;
  /** What it scrapes. */
  readonly targets: readonly TargetStatus[];
  /** What it holds in memory; undefined when it does not scrape. */
  readonly head: HeadFacts | undefined;
  readonly warnings: readonly Warning[];
}

export interface InstancesOptions {
  readonly kv: ReportKeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly watch?: Watch | undefined;
  readonly instance: string;
  readonly isCluster: () => boolean;
  readonly report: () => Omit<InstanceReport, 'instance' | 'reportedMs'>;
}

const PREFIX = 'instance_';
/** The row of an instance that died is gone after this time. */
const ROW_SECONDS = 60;
const REPORT_MS = 20_000;
/** Whoever asks more often gets the same answer. */
const CACHE_MS = 3_000;
/** A person waits for the answer. */
const READ_TIMEOUT_MS = 2_000;
const INSTANCES_MAX = 100;
const WARNINGS_MAX = 50;
const TARGETS_MAX = 500;

/** Each instance of a cluster tells how it is doing, so that any of them can answer for all. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #reports: RepeatingTask;
  #readMs = -Infinity;
  #others: Promise<InstanceReport[]> = Promise.resolve([]);
  /** For when the database does not answer. */
  #lastOthers: InstanceReport[] = [];
  #wasReported = false;

  constructor(options: InstancesOptions) {
    this.#options = options;
    this.#reports = new RepeatingTask({
      clock: options.clock,
      periodMs: () => REPORT_MS,
      watch: options.watch,
      run: () => this.#write(),
      onError: (error) => options.logger.debug('The state could not be reported', { error }),
    });
  }

  start(): void {
    this.#reports.start();
  }

  /** Something has changed that others would like to know. */
  wake(): void {
    this.#reports.wake();
  }

  /** Takes our report away, unless the database does not answer. */
  async stop(): Promise<void> {
    await this.#reports.stop();
    if (!this.#wasReported) return;
    const { kv, instance } = this.#options;
    await kv.delete(PREFIX + instance).catch(() => undefined);
  }

  /** All living instances, ourselves as we are now, by node. Empty outside of a cluster. */
  async list(): Promise<InstanceReport[]> {
    const { clock, isCluster } = this.#options;
    if (!isCluster()) return [];
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#readMs > CACHE_MS) {
      this.#readMs = nowMs;
      this.#others = withTimeout(clock, READ_TIMEOUT_MS, this.#readOthers(), () => {
        return new CodedError('ERR_LEASE_TIMEOUT', 'the database did not answer in time');
      }).catch((error: unknown) => {
        this.#options.logger.debug('Reports of other nodes could not be read', { error });
        return this.#lastOthers;
      });
    }
    this.#lastOthers = await this.#others;
    return [this.#own(), ...this.#lastOthers].sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  #own(): InstanceReport {
    const { instance, report, clock } = this.#options;
    return { instance, reportedMs: clock.nowMs(), ...report() };
  }

  async #write(): Promise<void> {
    const { kv, instance, isCluster } = this.#options;
    if (!isCluster()) return;
    const bytes = new TextEncoder().encode(JSON.stringify(toRow(this.#own())));
    this.#wasReported = true;
    await kv.setFor(PREFIX + instance, bytes, ROW_SECONDS);
  }

  async #readOthers(): Promise<InstanceReport[]> {
    const { kv, instance } = this.#options;
    const keys = (await kv.keys(PREFIX)).slice(0, INSTANCES_MAX);
    const others = keys.filter((key) => key !== PREFIX + instance);
    const rows = await Promise.all(
      others.map(async (key) => fromRow(key.slice(PREFIX.length), await kv.get(key))),
    );
    return rows.filter((row) => row !== undefined);
  }
}

function toRow(report: InstanceReport): object {
  return {
    node: report.node,
    version: report.version,
    role: report.role,
    since_ms: report.sinceMs,
    last_sync_ms: report.lastSyncMs,
    last_copied_ms: report.lastCopiedMs,
    reported_ms: report.reportedMs,
    warnings: report.warnings.slice(0, WARNINGS_MAX),
    ...(report.head !== undefined && {
      head: {
        series: report.head.seriesCount,
        samples: report.head.sampleCount,
        min_t: report.head.minTimeMs,
        max_t: report.head.maxTimeMs,
        ...scrapedJson(report.head.scraped),
      },
    }),
    targets: report.targets.slice(0, TARGETS_MAX).map((target) => ({
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
  };
}

function fromRow(instance: string, bytes: Uint8Array | undefined): InstanceReport | undefined {
  const fields = readFields(bytes);
  const [targets, warnings] = [fields.get('targets'), fields.get('warnings')];
  if (fields.size === 0) return undefined;
  return {
    instance,
    node: textField(fields, 'node'),
    version: textField(fields, 'version'),
    role: textField(fields, 'role'),
    sinceMs: numberField(fields, 'since_ms'),
    lastSyncMs: numberField(fields, 'last_sync_ms'),
    lastCopiedMs: numberField(fields, 'last_copied_ms'),
    reportedMs: numberField(fields, 'reported_ms'),
    targets: Array.isArray(targets) ? targets.slice(0, TARGETS_MAX).map(targetOf) : [],
    warnings: Array.isArray(warnings) ? warnings.slice(0, WARNINGS_MAX).map(warningOf) : [],
    head: fields.has('head') ? headOf(fields.get('head')) : undefined,
  };
}

function warningOf(value: unknown): Warning {
  const fields = fieldsOf(value);
  const [code, message] = [textField(fields, 'code'), redactText(textField(fields, 'message'))];
  const action = textField(fields, 'action');
  return { code, message, ...(action !== '' && { action }) };
}

function headOf(value: unknown): HeadFacts {
  const fields = fieldsOf(value);
  return {
    seriesCount: numberField(fields, 'series'),
    sampleCount: numberField(fields, 'samples'),
    minTimeMs: numberField(fields, 'min_t') || undefined,
    maxTimeMs: numberField(fields, 'max_t') || undefined,
    ...(fields.has('scraped_series') && {
      scraped: {
        seriesCount: numberField(fields, 'scraped_series'),
        newestMs: numberField(fields, 'newest_scraped_t'),
      },
    }),
  };
}

/** Of a head, in a row and in the status. */
export function scrapedJson(scraped: HeadFacts['scraped']): object {
  if (scraped === undefined) return {};
  return { scraped_series: scraped.seriesCount, newest_scraped_t: scraped.newestMs };
}

function targetOf(value: unknown): TargetStatus {
  const fields = fieldsOf(value);
  return {
    // Earlier versions wrote URLs as they are.
    url: redactUrl(textField(fields, 'url')),
    job: textField(fields, 'job'),
    instance: textField(fields, 'instance'),
    up: fields.get('up') === true,
    ...(fields.get('absent') === true && { absent: true }),
    lastScrapeMs: numberField(fields, 'last_scrape_ms') || undefined,
    lastDurationMs: numberField(fields, 'last_duration_ms') || undefined,
    lastError: redactText(textField(fields, 'last_error')) || undefined,
    samples: numberField(fields, 'samples'),
    refused: numberField(fields, 'refused'),
  };
}
