import type { Clock } from '../../base/clock.ts';
import { CodedError, hasCode } from '../../base/errors.ts';
import { Backoff } from '../../base/sync/backoff.ts';
import { Mutex } from '../../base/sync/mutex.ts';
import { JobDetails } from './job-details.ts';
import { JOB_MAP_KEY, JobMap } from './job-map.ts';
import type { DumpJob } from './job.ts';
import type { JobKeyValueStore } from './key-value-store.ts';
import type { ListLock } from './list-lock.ts';
import { SetAside } from './set-aside.ts';

/** Enough to outlast a lagging replica and a burst of other writers: about 12 s in all. */
const ATTEMPTS_MAX = 12;
const RETRY_FIRST_MS = 20;
const RETRY_MAX_MS = 2_000;

/**
 * The list of jobs in the key-value store. Every change of it is a compare-and-set on the bytes that were
 * read, repeated when somebody else was faster, so that no node overwrites what another one wrote.
 *
 * What is found in their place and is no list, or no job in the list, is set aside under a key of its
 * own, and the list goes on without it.
 */
export class JobStore {
  readonly kv: JobKeyValueStore;
  readonly setAside: SetAside;
  readonly #clock: Clock;
  readonly #details: JobDetails;
  /** Changes of this process queue up here instead of failing each other's compare-and-set. */
  readonly #changes = new Mutex();
  readonly #lock: Pick<ListLock, 'run'>;

  /**
   * @param lock what is held while the map is changed
   * @param onSetAside told of the keys with what was set aside
   */
  constructor(
    kv: JobKeyValueStore,
    clock: Clock,
    lock: Pick<ListLock, 'run'>,
    onSetAside: (keys: readonly string[]) => void = () => undefined,
  ) {
    this.kv = kv;
    this.setAside = new SetAside(kv, clock, onSetAside);
    this.#clock = clock;
    this.#details = new JobDetails(kv);
    this.#lock = lock;
  }

  /** Newest first. Rejects with `ERR_JOBS_CORRUPT` when the list is none and cannot be set aside. */
  async list(): Promise<DumpJob[]> {
    return (await this.#read()).list();
  }

  async get(id: string): Promise<DumpJob | undefined> {
    return (await this.#read()).get(id);
  }

  /**
   * Reads the map, lets `edit` change it and stores it. `edit` runs again on fresh data after each
   * conflict, so it only looks at the map it is given; it returns false to leave all as it is.
   *
   * @returns whether anything was stored
   */
  change(edit: (jobs: JobMap) => boolean): Promise<boolean> {
    return this.#changes.run(async () => {
      // Most looks at the jobs find nothing to do, and need no lock.
      if (!edit(await this.#read())) return false;
      return this.#lock.run(() => this.#change(edit));
    });
  }

  async #change(edit: (jobs: JobMap) => boolean): Promise<boolean> {
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const old = await this.kv.get(JOB_MAP_KEY);
      const jobs = JobMap.parse(old);
      await this.#details.join(jobs);
      if (!edit(jobs)) return false;
      // First, so that what the list says is known of the job that it says it of.
      const isSaved = await this.#details.save(jobs);
      if (isSaved && (await this.kv.compareAndSet(JOB_MAP_KEY, old, jobs.encode()))) return true;
      await this.#clock.sleep(backoff.nextMs());
    }
    throw new CodedError('ERR_JOBS_CONFLICT', 'the list of dump jobs was changed by others', {
      attempts: ATTEMPTS_MAX,
    });
  }

  /** The jobs as they are stored; what is none of them is set aside on the way. */
  async #read(): Promise<JobMap> {
    const bytes = await this.kv.get(JOB_MAP_KEY);
    let jobs: JobMap;
    try {
      jobs = JobMap.parse(bytes);
    } catch (error) {
      if (bytes === undefined || !hasCode(error, 'ERR_JOBS_CORRUPT')) throw error;
      await this.#replace(bytes, bytes, JobMap.parse(undefined)).catch(() => {
        throw error;
      });
      jobs = JobMap.parse(await this.kv.get(JOB_MAP_KEY));
    }
    const { strangers } = jobs;
    if (bytes !== undefined && Object.keys(strangers).length > 0) {
      jobs.dropStrangers();
      const damage = new TextEncoder().encode(JSON.stringify(strangers));
      // They are not listed in any case.
      await this.#replace(bytes, damage, jobs).catch(() => undefined);
    }
    await this.#details.join(jobs);
    return jobs;
  }

  /** Keeps what is damaged of the stored bytes apart, and stores what is left in their place. */
  #replace(stored: Uint8Array, damage: Uint8Array, left: JobMap): Promise<void> {
    return this.#lock.run(async () => {
      const key = await this.setAside.keep(damage);
      if (await this.kv.compareAndSet(JOB_MAP_KEY, stored, left.encode())) {
        await this.setAside.announce();
      } else {
        // A replica's old value, or another node has done it.
        await this.setAside.discard(key);
      }
    });
  }
}
