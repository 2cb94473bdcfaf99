import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { GoLock } from './go-lock.ts';
import type { JobStore } from './job-store.ts';
import { isJobId, readJob } from './job.ts';
import type { DumpJob } from './job.ts';

// Jobs that the Go plugin scheduled (Mattermost's server/public/pluginapi/cluster/job_once.go):
// a row `once_<id>` per job, deleted when the job has ended, and a lock `mutex_<id>` around the run.

const SCHEDULED_PREFIX = 'once_';
/** The Go plugin's own limit is 10,000 bytes of properties. */
const ROW_BYTES_MAX = 64 * 1024;

/**
 * Takes over what the Go plugin has scheduled or begun. Its rows are read and deleted, never
 * written: a Go node would drop one of ours. A job whose lock is held is left to its holder, so that
 * none runs twice; after a crash the lock ends by itself.
 */
export class GoSchedule {
  readonly #store: JobStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Rows that were complained about. */
  readonly #unreadable = new Set<string>();

  constructor(store: JobStore, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Makes every job that can be read, and that no Go node works on, a pending job of the map.
   *
   * @returns whether some had to be left because their lock is held; they are worth another look soon
   */
  async takeOver(): Promise<boolean> {
    let isSomeHeld = false;
    for (const id of await this.#scheduledIds()) {
      const taken = await this.#lockOf(id).tryRun(() => this.#takeScheduled(id));
      if (taken === undefined) isSomeHeld = true;
    }
    // A clean stop of the Go plugin deletes the row of a job that it has not finished.
    for (const job of await this.#store.list()) {
      if (!isAbandonedByGo(job) || (await this.#store.kv.get(progressKey(job.id)))) continue;
      const taken = await this.#lockOf(job.id).tryRun(() => this.#resume(job));
      if (taken === undefined) isSomeHeld = true;
    }
    return isSomeHeld;
  }

  /** Whether a Go node works on the job. */
  isRunning(id: string): Promise<boolean> {
    return this.#lockOf(id).isHeld();
  }

  /** Deletes the row of a job. false: there was none. */
  async cancel(id: string): Promise<boolean> {
    const key = SCHEDULED_PREFIX + id;
    if ((await this.#store.kv.get(key)) === undefined) return false;
    await this.#store.kv.delete(key);
    return true;
  }

  async #scheduledIds(): Promise<string[]> {
    const keys = await this.#store.kv.keys(SCHEDULED_PREFIX);
    return keys.map((key) => key.slice(SCHEDULED_PREFIX.length)).filter(isJobId);
  }

  /** The map gets the job before the row goes: a crash in between leaves both, which is one job. */
  async #takeScheduled(id: string): Promise<void> {
    const { kv } = this.#store;
    const key = SCHEDULED_PREFIX + id;
    const row = await kv.get(key);
    if (row === undefined) return;
    const scheduled = readScheduled(id, row);
    if (scheduled === undefined) {
      if (!this.#unreadable.has(key)) {
        this.#logger.warn('A scheduled job of the Go plugin cannot be read and stays', { key });
      }
      this.#unreadable.add(key);
      return;
    }
    await this.#store.change((jobs) => {
      const known = jobs.get(id);
      if (known !== undefined && !isAbandonedByGo(known)) return false;
      jobs.set(id, { ...scheduled, status: 'pending' });
      return true;
    });
    await kv.delete(key);
    this.#logger.info('A dump job of the Go plugin was taken over', { jobId: id });
  }

  async #resume({ id }: DumpJob): Promise<void> {
    await this.#store.change((jobs) => {
      const job = jobs.get(id);
      if (job === undefined || !isAbandonedByGo(job)) return false;
      jobs.set(id, { status: 'pending' });
      return true;
    });
    this.#logger.info('An interrupted dump job of the Go plugin is made again', { jobId: id });
  }

  #lockOf(id: string): GoLock {
    return new GoLock(this.#store.kv, this.#clock, id);
  }
}

/** Where the instance that runs a job says how far it is; the row ends with the instance. */
export function progressKey(id: string): string {
  return `job_progress_${id}`;
}

/** Whether a job is under way and was not begun by us, who name the owner and count attempts. */
export function isAbandonedByGo(job: DumpJob): boolean {
  return job.status === 'in_progress' && job.owner === undefined && job.attempts === undefined;
}

/** The job in `{"Key", "RunAt", "Props": job}`; undefined when it is something else. */
function readScheduled(id: string, row: Uint8Array): DumpJob | undefined {
  if (row.length > ROW_BYTES_MAX) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(row));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('Props' in parsed)) return undefined;
  const job = readJob(id, parsed.Props);
  if (job === undefined || job.max_t === 0 || job.min_t > job.max_t) return undefined;
  const { create_at, min_t, max_t } = job;
  return { id, status: 'pending', create_at, min_t, max_t, dump_location: '' };
}
