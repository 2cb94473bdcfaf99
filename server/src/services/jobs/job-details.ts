import type { JobMap } from './job-map.ts';
import type { JobKeyValueStore } from './key-value-store.ts';

/**
 * What only we know of jobs, in a row of our own: a Go node that rewrites the list of jobs drops all
 * fields but its own six. A JSON object from id to `status` and these fields.
 */
export const DETAILS_KEY = 'job_details';

/** The Go plugin's fields (its server/job.go). */
const GO_FIELDS = new Set(['id', 'status', 'create_at', 'min_t', 'max_t', 'dump_location']);

const NO_DETAILS = '{}';

export type JobFields = Readonly<Record<string, unknown>>;

/** The fields of a job that a Go node would drop; undefined when it has none of them. */
export function detailsOf(entry: JobFields): JobFields | undefined {
  const own = Object.entries(entry).filter(([key]) => !GO_FIELDS.has(key));
  return own.length === 0 ? undefined : { status: entry.status, ...Object.fromEntries(own) };
}

/**
 * The entry with what is known of it. Details that were written for another status are of another
 * time: the job has gone on without us.
 */
export function withDetails(entry: JobFields, details: unknown): JobFields {
  if (!isFields(details) || details.status !== entry.status) return entry;
  return { ...details, ...entry };
}

export function isFields(value: unknown): value is JobFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads and writes the row. One that is damaged holds nothing, and is written over. */
export class JobDetails {
  readonly #kv: JobKeyValueStore;

  constructor(kv: JobKeyValueStore) {
    this.#kv = kv;
  }

  /** Adds to the jobs what a Go node has dropped. */
  async join(jobs: JobMap): Promise<void> {
    if (!jobs.isSomeBare) return;
    jobs.join(readRow(await this.#kv.get(DETAILS_KEY)));
  }

  /** Stores what the jobs have; false when somebody else was faster. */
  async save(jobs: JobMap): Promise<boolean> {
    const old = await this.#kv.get(DETAILS_KEY);
    const text = JSON.stringify(jobs.details());
    if (text === (old === undefined ? NO_DETAILS : new TextDecoder().decode(old))) return true;
    if (text === NO_DETAILS) {
      await this.#kv.delete(DETAILS_KEY);
      return true;
    }
    return this.#kv.compareAndSet(DETAILS_KEY, old, new TextEncoder().encode(text));
  }
}

function readRow(bytes: Uint8Array | undefined): JobFields {
  if (bytes === undefined) return {};
  try {
    const row: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isFields(row) ? row : {};
  } catch {
    return {};
  }
}
