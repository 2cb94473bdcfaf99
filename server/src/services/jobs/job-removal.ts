import type { Logger } from '../../base/log.ts';
import type { DumpMaker } from './dump-maker.ts';
import type { JobStore } from './job-store.ts';
import type { DumpJob } from './job.ts';

export interface JobRemovalOptions {
  readonly store: JobStore;
  readonly dumps: DumpMaker;
  readonly logger: Logger;
}

const BEING_DELETED =
  'This dump is being deleted. Its file is still in the file store; removing it is tried again.';

/**
 * Removes jobs together with the files of their dumps, in an order that a kill does not harm: the
 * entry is marked, the files go, the entry goes. So a job that is listed as finished has its file, and
 * what is marked is removed by {@link resume}, if not by {@link finish}.
 */
export class JobRemoval {
  readonly #options: JobRemovalOptions;

  constructor(options: JobRemovalOptions) {
    this.#options = options;
  }

  /** Marks the job, which ends it if it runs. The job as it was; undefined: there is none. */
  async begin(id: string): Promise<DumpJob | undefined> {
    let found: DumpJob | undefined;
    await this.#options.store.change((jobs) => {
      found = jobs.get(id);
      if (found === undefined || found.deleting === true) return false;
      jobs.set(id, {
        status: 'error',
        error: BEING_DELETED,
        deleting: true,
        dump_location: '',
        owner: undefined,
      });
      return true;
    });
    return found;
  }

  /**
   * Removes the files and the entry of a job that {@link begin} has marked.
   *
   * Rejects when the files of a finished dump could not be removed; the job stays for another try.
   */
  async finish(before: DumpJob): Promise<void> {
    const { store, dumps, logger } = this.#options;
    const { id } = before;
    try {
      await dumps.remove(id);
    } catch (error) {
      if (before.status === 'success' || before.deleting === true) throw error;
      // There was no dump yet, and what may be left of a try is an orphan, which has an end.
      logger.warn('Files of a dump job could not be removed', { jobId: id, error });
    }
    await store.change((jobs) => jobs.delete(id));
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
        await this.finish(job);
      } catch (error) {
        isSomeLeft = true;
        this.#options.logger.debug('A dump is still to be deleted', { jobId: job.id, error });
      }
    }
    return isSomeLeft;
  }
}
