import { isAbandonedByGo } from './go-schedule.ts';
import type { GoSchedule } from './go-schedule.ts';
import type { JobMap } from './job-map.ts';
import type { JobRemoval, JobRemovalOptions } from './job-removal.ts';
import type { DumpJob } from './job.ts';
import type { ProgressRows } from './progress-rows.ts';

export interface JobRecoveryOptions extends JobRemovalOptions {
  /** Names this instance over restarts, such as its host name. */
  readonly owner: () => string;
  /** Whether other instances share the job list. */
  readonly isCluster: () => boolean;
  /** See `removeGoWrecks`. */
  readonly removeWrecks: (isRunning: (jobId: string) => Promise<boolean>) => Promise<boolean>;
}

/** A job that was under way at two crashes has probably caused them. */
const ATTEMPTS_MAX = 2;
const INTERRUPTED_TWICE =
  'Making this dump was interrupted twice, since the plugin was restarted or its server went away.';

/**
 * Finds jobs that nobody works on any more: once more each, then failed with a reason. Those that were
 * to be deleted are.
 */
export class JobRecovery {
  readonly #options: JobRecoveryOptions;
  readonly #progress: ProgressRows;
  readonly #schedule: GoSchedule;
  readonly #removal: JobRemoval;
  /** Jobs of other instances that gave no sign at the last look. */
  #silent = new Set<string>();
  #isFirst = true;
  #areWrecksGone = false;

  constructor(
    options: JobRecoveryOptions,
    progress: ProgressRows,
    schedule: GoSchedule,
    removal: JobRemoval,
  ) {
    this.#options = options;
    this.#progress = progress;
    this.#schedule = schedule;
    this.#removal = removal;
  }

  /**
   * One look, made while this instance runs no job.
   *
   * @returns whether another look is worthwhile soon
   */
  async look(): Promise<boolean> {
    if (this.#isFirst) await this.#removeLeftovers();
    await this.#options.store.setAside.announce();
    const isSomeHeld = await this.#schedule.takeOver();
    const isSomeSilent = await this.#recover();
    const isSomeLeft = await this.#removal.resume();
    this.#isFirst = false;
    await this.#removeWrecks();
    return isSomeHeld || isSomeSilent || isSomeLeft || !this.#areWrecksGone;
  }

  async #recover(): Promise<boolean> {
    const { store } = this.#options;
    const running = (await store.list()).filter((job) => job.status === 'in_progress');
    const silent = new Set<string>();
    const dead: DumpJob[] = [];
    for (const job of running) {
      if (isAbandonedByGo(job)) continue;
      if (!this.#options.isCluster()) dead.push(job);
      else if ((await this.#progress.read(job.id)) === undefined) silent.add(job.id);
    }
    // A replica of the database may lag, so other nodes' jobs are dead at the second look only.
    for (const job of running) {
      if (silent.has(job.id) && (this.#silent.has(job.id) || this.#isOwn(job))) dead.push(job);
    }
    this.#silent = silent;
    if (dead.length > 0) await this.#restart(dead);
    return running.length > 0;
  }

  /** Nothing of ours runs during a look: what says so was interrupted with our last process. */
  #isOwn(job: DumpJob): boolean {
    return job.owner === this.#options.owner();
  }

  async #restart(dead: readonly DumpJob[]): Promise<void> {
    const failed: string[] = [];
    await this.#options.store.change((jobs: JobMap) => {
      let changed = false;
      failed.length = 0;
      for (const { id, owner } of dead) {
        const job = jobs.get(id);
        if (job?.status !== 'in_progress' || job.owner !== owner) continue;
        if ((job.attempts ?? 1) < ATTEMPTS_MAX) {
          jobs.set(id, { status: 'pending', owner: undefined });
        } else {
          jobs.set(id, { status: 'error', error: INTERRUPTED_TWICE, owner: undefined });
          failed.push(id);
        }
        changed = true;
      }
      return changed;
    });
    const { dumps, logger } = this.#options;
    for (const jobId of failed) {
      await dumps.remove(jobId).catch((error: unknown) => {
        logger.warn('Files of a failed dump could not be removed', { jobId, error });
      });
    }
  }

  /** The look goes on where this fails. */
  async #removeLeftovers(): Promise<void> {
    const { dumps, logger } = this.#options;
    try {
      await dumps.removeLeftovers();
    } catch (error) {
      logger.warn('Remains of old dumps could not be removed', { error });
    }
  }

  async #removeWrecks(): Promise<void> {
    if (this.#areWrecksGone) return;
    try {
      this.#areWrecksGone = await this.#options.removeWrecks((id) => this.#schedule.isRunning(id));
    } catch (error) {
      // A folder that we may not touch stays so until somebody does something about it.
      this.#areWrecksGone = true;
      this.#options.logger.warn('Remains of the Go plugin’s dumps could not be removed', { error });
    }
  }
}
