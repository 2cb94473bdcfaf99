import { CodedError } from '../../base/errors.ts';
import { readJob } from './job.ts';
import type { DumpJob } from './job.ts';

/** Key of the job map in the plugin's key-value store, shared with the Go plugin. */
export const JOB_MAP_KEY = 'mattermost-plugin-metrics_finished_jobs';

/** About a thousand jobs; more is not ours, or nobody could read it. */
const JOB_MAP_BYTES_MAX = 1024 * 1024;

/**
 * The stored map of jobs: a JSON object from id to job. It is kept as it was parsed, so that entries
 * and fields written by another version pass through unchanged.
 */
export class JobMap {
  readonly #entries: Map<string, unknown>;

  private constructor(entries: Map<string, unknown>) {
    this.#entries = entries;
  }

  /** @param bytes what the store holds; undefined or empty when there was never a job */
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

  get(id: string): DumpJob | undefined {
    return readJob(id, this.#entries.get(id));
  }

  /** Newest first. */
  list(): DumpJob[] {
    const jobs: DumpJob[] = [];
    for (const [id, entry] of this.#entries) {
      const job = readJob(id, entry);
      if (job !== undefined) jobs.push(job);
    }
    return jobs.sort((a, b) => b.create_at - a.create_at || (a.id < b.id ? -1 : 1));
  }

  /** Writes the given fields over the entry; `undefined` removes one, all others stay. */
  set(id: string, fields: { readonly [K in keyof DumpJob]?: DumpJob[K] | undefined }): void {
    const old = this.#entries.get(id);
    const entry: Record<string, unknown> =
      typeof old === 'object' && old !== null && !Array.isArray(old) ? { ...old } : {};
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
