import { CodedError } from '../../base/errors.ts';
import { detailsOf, isFields, withDetails } from './job-details.ts';
import type { JobFields } from './job-details.ts';
import { isJobId, readJob } from './job.ts';
import type { DumpJob } from './job.ts';

/** Key of the job map in the plugin's key-value store, shared with the Go plugin. */
export const JOB_MAP_KEY = 'mattermost-plugin-metrics_finished_jobs';

/** About a thousand jobs; more is not ours, or nobody could read it. */
const JOB_MAP_BYTES_MAX = 1024 * 1024;
/** No jobs are added beyond this; the rest is for what those in the list have still to say. */
const FULL_BYTES = JOB_MAP_BYTES_MAX / 4;

/**
 * The stored map of jobs: a JSON object from id to job. It is kept as it was parsed, so that entries
 * and fields written by another version pass through unchanged.
 */
export class JobMap {
  readonly #entries: Map<string, unknown>;

  private constructor(entries: Map<string, unknown>) {
    this.#entries = entries;
  }

  /** @param bytes what the store holds; undefined or empty when there was no job yet */
  static parse(bytes: Uint8Array | undefined): JobMap {
    if (bytes === undefined || bytes.length === 0) return new JobMap(new Map());
    const where = { key: JOB_MAP_KEY, sizeBytes: bytes.length };
    if (bytes.length > JOB_MAP_BYTES_MAX) {
      throw new CodedError('ERR_JOBS_CORRUPT', 'the stored list of dump jobs is too large', where);
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      throw new CodedError(
        'ERR_JOBS_CORRUPT',
        'the stored list of dump jobs is not JSON',
        where,
        error,
      );
    }
    // Go writes a nil map as null.
    if (parsed === null) return new JobMap(new Map());
    if (typeof parsed !== 'object' || Array.isArray(parsed)) {
      throw new CodedError('ERR_JOBS_CORRUPT', 'the stored list of dump jobs is no object', where);
    }
    return new JobMap(new Map(Object.entries(parsed)));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether there is no room for another job: a list that is too large counts as damaged. */
  get isFull(): boolean {
    return this.encode().length > FULL_BYTES;
  }

  /** Entries that are no jobs: they are in nobody's way, and not listed. */
  get strangers(): JobFields {
    const strangers = [...this.#entries].filter(([id, entry]) => !isJobId(id) || !isFields(entry));
    return Object.fromEntries(strangers);
  }

  dropStrangers(): void {
    for (const id of Object.keys(this.strangers)) this.#entries.delete(id);
  }

  /** Whether some job has no field but the Go plugin's. */
  get isSomeBare(): boolean {
    return [...this.#entries.values()].some(
      (entry) => isFields(entry) && detailsOf(entry) === undefined,
    );
  }

  /** Gives the jobs that a Go node has rewritten their own fields back. */
  join(details: JobFields): void {
    for (const [id, entry] of this.#entries) {
      if (!isFields(entry) || detailsOf(entry) !== undefined) continue;
      this.#entries.set(id, withDetails(entry, details[id]));
    }
  }

  /** What a Go node would drop, by id. */
  details(): JobFields {
    const details: Record<string, unknown> = {};
    for (const [id, entry] of this.#entries) {
      const own = isFields(entry) ? detailsOf(entry) : undefined;
      if (own !== undefined) details[id] = own;
    }
    return details;
  }

  get(id: string): DumpJob | undefined {
    return isJobId(id) ? readJob(id, this.#entries.get(id)) : undefined;
  }

  /** Newest first. */
  list(): DumpJob[] {
    const jobs: DumpJob[] = [];
    for (const id of this.#entries.keys()) {
      const job = this.get(id);
      if (job !== undefined) jobs.push(job);
    }
    return jobs.sort((a, b) => b.create_at - a.create_at || (a.id < b.id ? -1 : 1));
  }

  /** Writes the given fields over the entry; `undefined` removes one, all others stay. */
  set(id: string, fields: { readonly [K in keyof DumpJob]?: DumpJob[K] | undefined }): void {
    const old = this.#entries.get(id);
    const entry: Record<string, unknown> = isFields(old) ? { ...old } : {};
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined) delete entry[key];
      else entry[key] = value;
    }
    this.#entries.set(id, entry);
  }

  delete(id: string): boolean {
    return this.#entries.delete(id);
  }

  encode(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(Object.fromEntries(this.#entries)));
  }
}
