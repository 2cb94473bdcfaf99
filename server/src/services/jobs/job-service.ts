import { CodedError, describeError } from '../../base/errors.ts';
import type { ArchiveFormat } from '../../base/ports/archive.ts';
import { Backoff } from '../../base/sync/backoff.ts';
import { RepeatingTask } from '../../base/sync/repeating-task.ts';
import type { Watch } from '../../base/sync/repeating-task.ts';
import { GoSchedule } from './go-schedule.ts';
import { JobRecovery } from './job-recovery.ts';
import type { JobRecoveryOptions } from './job-recovery.ts';
import { JobRemoval } from './job-removal.ts';
import { JobWaiters } from './job-waiters.ts';
import { checkRange, isFinished } from './job.ts';
import type { DumpJob } from './job.ts';
import { ProgressRows } from './progress-rows.ts';

export interface JobServiceOptions extends JobRecoveryOptions {
  readonly newId: () => string;
  /** What each look at the jobs is run through. */
  readonly watch?: Watch;
}

/** Jobs of other instances are found at least this often. */
const POLL_PERIOD_MS = 60_000;
/** As often while others run a job, which may die, or hold a lock. */
const WATCH_PERIOD_MS = 15_000;
/** How often a running job shows its progress and looks whether it is still wanted. */
const BEAT_PERIOD_MS = 5_000;
/** A replica of the database may lag by one beat. */
const MISSES_MAX = 2;
const CANCELLED = 'This dump was cancelled.';
const ERROR_LENGTH_MAX = 1_000;
const SAVE_RETRY_MAX_MS = 30_000;

/** Creates, runs, lists and deletes dump jobs; one runs at a time. */
export class JobService {
  readonly #options: JobServiceOptions;
  readonly #loop: RepeatingTask;
  readonly #waiters = new JobWaiters();
  #running: { id: string; cancel: AbortController; progress: number } | undefined;
  readonly #progress: ProgressRows;
  readonly #schedule: GoSchedule;
  readonly #removal: JobRemoval;
  readonly #recovery: JobRecovery;
  #periodMs = POLL_PERIOD_MS;

  constructor(options: JobServiceOptions) {
    this.#options = options;
    this.#progress = new ProgressRows(options.store.kv);
    this.#schedule = new GoSchedule(options.store, options.clock, options.logger);
    this.#removal = new JobRemoval(options);
    this.#recovery = new JobRecovery(options, this.#progress, this.#schedule, this.#removal);
    this.#loop = new RepeatingTask({
      clock: options.clock,
      periodMs: () => this.#periodMs,
      run: (signal) => this.#turn(signal),
      onError: (error) => {
        options.logger.error('Dump jobs could not be read or stored; trying again', { error });
      },
    });
  }

  /** Takes up what an earlier run left, then runs pending jobs until {@link stop}. */
  start(): void {
    this.#loop.start();
  }

  /** Interrupts the running job, which is made again at the next start. */
  async stop(): Promise<void> {
    this.#running?.cancel.abort(new CodedError('ERR_JOB_STOPPED', 'the plugin is stopping'));
    await this.#loop.stop();
  }

  /** Adds a job for the samples from `minTimeMs` to `maxTimeMs`, both included. */
  async create(
    minTimeMs: number,
    maxTimeMs: number,
    format: ArchiveFormat = 'tar.gz',
  ): Promise<DumpJob> {
    checkRange(minTimeMs, maxTimeMs);
    const job: DumpJob = {
      id: this.#options.newId(),
      status: 'pending',
      create_at: this.#options.clock.nowMs(),
      min_t: minTimeMs,
      max_t: maxTimeMs,
      dump_location: '',
      ...(format === 'zip' && { format }),
    };
    await this.#options.store.change((jobs) => {
      if (jobs.isFull) {
        throw new CodedError('ERR_JOBS_FULL', 'there are too many dumps in the list; delete some');
      }
      jobs.set(job.id, job);
      return true;
    });
    this.#loop.wake();
    return job;
  }

  /** Newest first, the running one with its progress. */
  async list(): Promise<DumpJob[]> {
    const jobs = await this.#options.store.list();
    return Promise.all(jobs.map((job) => this.#withProgress(job)));
  }

  async get(id: string): Promise<DumpJob | undefined> {
    const job = await this.#options.store.get(id);
    return job === undefined ? undefined : this.#withProgress(job);
  }

  /**
   * Ends a job that waits or runs; it stays in the list with that as its reason. One that runs on
   * another instance ends at its next beat. false: no such job, or it is finished.
   */
  async cancel(id: string): Promise<boolean> {
    let wasOpen = false;
    await this.#options.store.change((jobs) => {
      const job = jobs.get(id);
      wasOpen = job !== undefined && !isFinished(job);
      if (!wasOpen) return false;
      jobs.set(id, { status: 'error', error: CANCELLED, cancelled: true, owner: undefined });
      return true;
    });
    if (!wasOpen) return false;
    await this.#schedule.cancel(id);
    this.#cancel(id);
    this.#waiters.announce(id);
    return true;
  }

  /**
   * Removes the job and the files of its dump. false: no such job. A job under way is cancelled: at
   * once when it runs here, at its next beat when it runs on another instance.
   *
   * Rejects when the files of a finished dump could not be removed; that is tried again later on. A
   * file store that takes more than 2 s does it in the background: until then the job is listed.
   */
  async delete(id: string): Promise<boolean> {
    const wasScheduled = await this.#schedule.cancel(id);
    const job = await this.#removal.begin(id);
    if (job === undefined) return wasScheduled;
    await this.#finishRemoval([job]);
    return true;
  }

  /**
   * Removes all jobs as {@link delete} does, and what was set aside of a damaged list. Jobs whose files
   * could not be removed stay; the first such error is thrown at the end.
   */
  async deleteAll(): Promise<void> {
    const jobs = await this.#removal.beginAll();
    await Promise.all(jobs.map(({ id }) => this.#schedule.cancel(id)));
    await this.#finishRemoval(jobs);
    await this.#options.store.setAside.discardAll();
  }

  async #finishRemoval(jobs: readonly DumpJob[]): Promise<void> {
    for (const { id } of jobs) this.#cancel(id);
    try {
      await this.#removal.finish(jobs);
    } finally {
      for (const { id } of jobs) this.#waiters.announce(id);
    }
  }

  /** The job once it is finished or deleted (undefined), or as it is when time is up. */
  async whenFinished(id: string, timeoutMs: number): Promise<DumpJob | undefined> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const news = this.#waiters.nextNews(id);
      const job = await this.get(id);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (job === undefined || isFinished(job) || leftMs <= 0) {
        news.cancel();
        return job;
      }
      await clock.sleep(Math.min(leftMs, POLL_PERIOD_MS), news.signal).catch(() => undefined);
      news.cancel();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { watch = (work) => work() } = this.#options;
    const isWorthWatching = await watch(() => this.#recovery.look());
    this.#periodMs = isWorthWatching ? WATCH_PERIOD_MS : POLL_PERIOD_MS;
    while (!signal.aborted) {
      const job = await watch(() => this.#claim());
      if (job === undefined) return;
      await this.#execute(job, signal);
    }
  }

  async #claim(): Promise<DumpJob | undefined> {
    let claimed: DumpJob | undefined;
    await this.#options.store.change((jobs) => {
      const waiting = jobs.list();
      const isBusy = waiting.some((job) => job.status === 'in_progress');
      claimed = isBusy ? undefined : waiting.filter((job) => job.status === 'pending').at(-1);
      if (claimed === undefined) return false;
      const attempts = (claimed.attempts ?? 0) + 1;
      jobs.set(claimed.id, {
        status: 'in_progress',
        owner: this.#options.owner(),
        attempts,
        error: undefined,
      });
      return true;
    });
    // The sign of life comes before the work, which may keep this thread busy for a moment.
    if (claimed !== undefined) await this.#showProgress(claimed.id, 0);
    return claimed;
  }

  async #execute(job: DumpJob, stop: AbortSignal): Promise<void> {
    const { dumps, logger } = this.#options;
    const running = { id: job.id, cancel: new AbortController(), progress: 0 };
    this.#running = running;
    // Deleted or stopped between the claim and this line: nobody had anything to cancel yet.
    if (stop.aborted) running.cancel.abort();
    const finished = new AbortController();
    const beats = this.#beat(running, finished.signal);
    try {
      const result = await dumps.make({
        jobId: job.id,
        minTimeMs: job.min_t,
        maxTimeMs: job.max_t,
        format: job.format ?? 'tar.gz',
        signal: running.cancel.signal,
        ownsFiles: () => this.#ownsFiles(job.id, stop),
        onProgress: (fraction) => {
          running.progress = Math.max(0, Math.min(1, Math.floor(fraction * 100) / 100));
        },
      });
      await this.#finish(job.id, stop, {
        status: 'success',
        dump_location: result.location,
        size_bytes: result.sizeBytes,
        num_samples: result.sampleCount,
        num_series: result.seriesMax,
        min_t: result.minTimeMs,
        max_t: result.maxTimeMs,
        ...(result.leftOut !== undefined && { error: result.leftOut }),
      });
      logger.info('Dump made', { jobId: job.id, sizeBytes: result.sizeBytes });
    } catch (error) {
      await this.#fail(job, error, running.cancel.signal.aborted, stop);
    } finally {
      finished.abort();
      await beats;
      this.#running = undefined;
      this.#waiters.announce(job.id);
    }
  }

  async #fail(job: DumpJob, error: unknown, cancelled: boolean, stop: AbortSignal): Promise<void> {
    if (stop.aborted) {
      // A stop is nobody's fault: the attempt does not count.
      const attempts = job.attempts ?? 0;
      await this.#save(job.id, { status: 'pending', attempts });
      return;
    }
    if (cancelled) return;
    const text = sentence(describeError(error)).slice(0, ERROR_LENGTH_MAX);
    this.#options.logger.error('Dump failed', { jobId: job.id, error });
    await this.#finish(job.id, stop, { status: 'error', error: text });
  }

  /** Stores the outcome; a dump whose job is gone is removed again. */
  async #finish(id: string, stop: AbortSignal, outcome: Partial<DumpJob>): Promise<void> {
    await this.#insist('The outcome of a dump could not be stored', id, stop, async () => {
      if (await this.#save(id, outcome)) return;
      // Gone or cancelled: nobody wants the dump. Else another instance makes it at its place.
      const left = await this.#options.store.get(id);
      if (left === undefined || left.status === 'error') await this.#options.dumps.remove(id);
    });
  }

  /**
   * Whether the files of a job that was begun here are for this instance to remove. Whoever was
   * paused may find that another one has made the dump; one that was cancelled is nobody else's.
   */
  async #ownsFiles(id: string, stop: AbortSignal): Promise<boolean> {
    let isOurs = false;
    await this.#insist('It is not known whose a dump is', id, stop, async () => {
      const job = await this.#options.store.get(id);
      isOurs = job === undefined || job.status === 'error' || this.#isOurs(job);
    });
    return isOurs;
  }

  /** Tries for as long as it takes; what a stop leaves undone is for the next start. */
  async #insist(
    complaint: string,
    jobId: string,
    stop: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    const backoff = new Backoff(500, SAVE_RETRY_MAX_MS);
    for (;;) {
      try {
        await work();
        return;
      } catch (error) {
        if (stop.aborted) return;
        this.#options.logger.warn(`${complaint}; trying again`, { jobId, error });
        await this.#options.clock.sleep(backoff.nextMs(), stop).catch(() => undefined);
      }
    }
  }

  /** Shows progress, and ends the job when it was deleted or given to another instance. */
  async #beat(
    running: { id: string; cancel: AbortController; progress: number },
    finished: AbortSignal,
  ): Promise<void> {
    const { clock, store } = this.#options;
    for (let misses = 0; misses < MISSES_MAX;) {
      await clock.sleep(BEAT_PERIOD_MS, finished).catch(() => undefined);
      if (finished.aborted) break;
      await this.#showProgress(running.id, running.progress);
      try {
        const job = await store.get(running.id);
        misses = this.#isOurs(job) ? 0 : misses + 1;
      } catch {
        // No answer is not a no.
      }
    }
    if (!finished.aborted) {
      running.cancel.abort(new CodedError('ERR_JOB_CANCELLED', 'the dump job was deleted'));
    }
    await this.#progress.remove(running.id).catch(() => undefined);
  }

  /** Whether this instance is the one that runs the job. */
  #isOurs(job: DumpJob | undefined): boolean {
    const owner = this.#options.owner();
    // A Go node that rewrites the list drops the owner.
    return job?.status === 'in_progress' && (job.owner ?? owner) === owner;
  }

  /** The row is a courtesy: the job goes on without it. */
  async #showProgress(id: string, progress: number): Promise<void> {
    await this.#progress.write(id, progress).catch((error: unknown) => {
      this.#options.logger.debug('Progress could not be stored', { jobId: id, error });
    });
  }

  #save(id: string, fields: Partial<DumpJob>): Promise<boolean> {
    return this.#options.store.change((jobs) => {
      const job = jobs.get(id);
      if (!this.#isOurs(job)) return false;
      jobs.set(id, { ...fields, owner: undefined });
      return true;
    });
  }

  #cancel(id: string): void {
    if (this.#running?.id !== id) return;
    this.#running.cancel.abort(new CodedError('ERR_JOB_CANCELLED', 'the dump job was deleted'));
  }

  async #withProgress(job: DumpJob): Promise<DumpJob> {
    if (job.status !== 'in_progress') return job;
    const running = this.#running;
    if (running?.id === job.id) return { ...job, progress: running.progress };
    const progress = await this.#progress.read(job.id);
    return progress === undefined ? job : { ...job, progress };
  }
}

/** A capital letter and a full stop, for the panel. */
function sentence(text: string): string {
  const end = /[.!?]$/.test(text) ? '' : '.';
  return text.charAt(0).toUpperCase() + text.slice(1) + end;
}
