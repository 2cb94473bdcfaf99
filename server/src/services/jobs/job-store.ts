import type { Clock } from '../../base/clock.ts';
import { CodedError, hasCode } from '../../base/errors.ts';
import { Backoff } from '../../base/sync/backoff.ts';
import { Mutex } from '../../base/sync/mutex.ts';
import { JOB_MAP_KEY, JobMap } from './job-map.ts';
import type { DumpJob } from './job.ts';
import type { JobKeyValueStore } from './key-value-store.ts';
import type { ListLock } from './list-lock.ts';

/** Enough to outlast a lagging replica and a burst of other writers: about 12 s in all. */
const ATTEMPTS_MAX = 12;
const RETRY_FIRST_MS = 20;
const RETRY_MAX_MS = 2_000;

/**
 * The jobs in the key-value store. Every change is a compare-and-set on the bytes that were read,
 * repeated when somebody else was faster, so that no node ever overwrites what another one wrote.
 */
export class JobStore {
  readonly kv: JobKeyValueStore;
  readonly #clock: Clock;
  /** Changes of this process queue up here instead of failing each other's compare-and-set. */
  readonly #changes = new Mutex();
  readonly #lock: Pick<ListLock, 'run'>;

  /** @param lock what is held while the map is changed */
  constructor(kv: JobKeyValueStore, clock: Clock, lock: Pick<ListLock, 'run'>) {
    this.kv = kv;
    this.#clock = clock;
    this.#lock = lock;
  }

  /** Newest first. Rejects with `ERR_JOBS_CORRUPT` when the stored list cannot be read. */
  async list(): Promise<DumpJob[]> {
    return JobMap.parse(await this.kv.get(JOB_MAP_KEY)).list();
  }

  async get(id: string): Promise<DumpJob | undefined> {
    return JobMap.parse(await this.kv.get(JOB_MAP_KEY)).get(id);
  }

  /**
   * Reads the map, lets `edit` change it and stores it. `edit` runs again on fresh data after each
   * conflict, so it only looks at the map it is given; it returns false to leave all as it is.
   *
   * @param parse how to read the stored bytes; {@link JobMap.parse} unless damage may be dropped
   * @returns whether anything was stored
   */
  change(
    edit: (jobs: JobMap) => boolean,
    parse: (bytes: Uint8Array | undefined) => JobMap = JobMap.parse,
  ): Promise<boolean> {
    return this.#changes.run(async () => {
      // Most looks at the jobs find nothing to do, and need no lock.
      if (!edit(parse(await this.kv.get(JOB_MAP_KEY)))) return false;
      return this.#lock.run(() => this.#change(edit, parse));
    });
  }

  async #change(
    edit: (jobs: JobMap) => boolean,
    parse: (bytes: Uint8Array | undefined) => JobMap,
  ): Promise<boolean> {
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const old = await this.kv.get(JOB_MAP_KEY);
      const jobs = parse(old);
      if (!edit(jobs)) return false;
      if (await this.kv.compareAndSet(JOB_MAP_KEY, old, jobs.encode())) return true;
      await this.#clock.sleep(backoff.nextMs());
    }
    throw new CodedError('ERR_JOBS_CONFLICT', 'the list of dump jobs was changed by others', {
      attempts: ATTEMPTS_MAX,
    });
  }

  /** Replaces a list that {@link JobMap.parse} refuses by an empty one; any other stays. */
  async reset(): Promise<void> {
    const emptyIfDamaged = (bytes: Uint8Array | undefined): JobMap => {
      try {
        JobMap.parse(bytes);
      } catch (error) {
        if (hasCode(error, 'ERR_JOBS_CORRUPT')) return JobMap.parse(undefined);
        throw error;
      }
      throw new CodedError('ERR_JOBS_CONFLICT', 'the list of dump jobs was repaired by others');
    };
    await this.change(() => true, emptyIfDamaged);
  }
}
