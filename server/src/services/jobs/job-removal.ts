import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import type { DumpMaker } from './dump-maker.ts';
import type { JobMap } from './job-map.ts';
import type { JobStore } from './job-store.ts';
import type { DumpJob } from './job.ts';

export interface JobRemovalOptions {
  readonly store: JobStore;
  readonly dumps: DumpMaker;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Whoever deletes waits so long for the files; a store that takes longer goes on by itself. */
const WAIT_MS = 2_000;
const BEING_DELETED =
  'This dump is being deleted. Its file is still in the file store; removing it is tried again.';

/**
 * Removes jobs together with the files of their dumps, in an order that a kill does not harm: the
 * entry is marked, the files go, the entry goes. So a job that is listed as finished has its file, and
 * what is marked is removed by {@link resume}, if not by {@link finish}.
 */
export class JobRemoval {
  readonly #options: JobRemovalOptions;
  /** Removals under way, by job: a file store that hangs is asked once. */
  readonly #removals = new Map<string, Promise<void>>();

  constructor(options: JobRemovalOptions) {
    this.#options = options;
  }

  /** Marks the job, which ends it if it runs. The job as it was; undefined: there is none. */
  async begin(id: string): Promise<DumpJob | undefined> {
    return (await this.#mark((jobs) => [jobs.get(id)])).at(0);
  }

  /** Marks all jobs at once. The jobs as they were. */
  beginAll(): Promise<DumpJob[]> {
    return this.#mark((jobs) => jobs.list());
  }

  /**
   * Removes the files and the entries of jobs that were marked. Resolves after 2 s at the latest; what
   * takes longer goes on.
   *
   * Rejects with the first error when files of finished dumps could not be removed in that time; their
   * jobs stay for another try.
   */
  async finish(before: readonly DumpJob[]): Promise<void> {
    const isDone = await this.#within(Promise.all(before.map((job) => this.#remove(job))));
    if (!isDone) this.#options.logger.info('Files of deleted dumps are removed in the background');
  }

  /**
   * Goes on with removals that were interrupted or have failed.
   *
   * @returns whether some are still left
   */
  async resume(): Promise<boolean> {
    let isSomeLeft = false;
    for (const job of await this.#options.store.list()) {
      if (job.deleting !== true) continue;
      try {
        if (!(await this.#within(this.#remove(job)))) isSomeLeft = true;
      } catch (error) {
        isSomeLeft = true;
        this.#options.logger.debug('A dump is still to be deleted', { jobId: job.id, error });
      }
    }
    return isSomeLeft;
  }

  async #mark(choose: (jobs: JobMap) => readonly (DumpJob | undefined)[]): Promise<DumpJob[]> {
    let found: DumpJob[] = [];
    await this.#options.store.change((jobs) => {
      found = choose(jobs).filter((job) => job !== undefined);
      const fresh = found.filter(({ deleting }) => deleting !== true);
      for (const { id } of fresh) {
        jobs.set(id, {
          status: 'error',
          error: BEING_DELETED,
          deleting: true,
          dump_location: '',
          owner: undefined,
        });
      }
      return fresh.length > 0;
    });
    return found;
  }

  #remove(before: DumpJob): Promise<void> {
    const { id } = before;
    const removal =
      this.#removals.get(id) ??
      this.#removeFiles(before).finally(() => {
        this.#removals.delete(id);
      });
    this.#removals.set(id, removal);
    return removal;
  }

  async #removeFiles(before: DumpJob): Promise<void> {
    const { store, dumps, logger } = this.#options;
    const { id } = before;
    try {
      await dumps.remove(id);
    } catch (error) {
      logger.warn('Files of a dump job could not be removed', { jobId: id, error });
      // Without a dump there is nothing but remains of a try: orphans, which have an end.
      if (before.status === 'success' || before.deleting === true) throw error;
    }
    await store.change((jobs) => jobs.delete(id));
  }

  /** Whether `work` has ended in the time that somebody waits for it. */
  async #within(work: Promise<unknown>): Promise<boolean> {
    const late = new CodedError('ERR_NO_ANSWER', 'it takes longer', { limitMs: WAIT_MS });
    try {
      await withTimeout(this.#options.clock, WAIT_MS, work, () => late);
      return true;
    } catch (error) {
      if (error === late) return false;
      throw error;
    }
  }
}
