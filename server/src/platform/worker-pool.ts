import { availableParallelism } from 'node:os';
import { getAsset, isSea } from 'node:sea';
import { Worker } from 'node:worker_threads';

import { CodedError } from '../base/errors.ts';
import type { RunOptions, Task, TaskPool } from '../base/ports/task-runner.ts';
import { CallMark } from './call-mark.ts';
import { unpackError, type WorkerAnswer, type WorkerRequest } from './worker-messages.ts';

/** A worker with nothing to do costs some 10 MB; it goes after this time. */
const IDLE_MS = 30_000;
/** Heap of one worker. The work is made to need far less; this ends what runs wild. */
const WORKER_HEAP_MIB = 512;
/** The worker's code, as an asset of the executable; see build/executable.ts. */
const WORKER_ASSET = 'worker.js';

/** Longer than a sound disk takes for any file call, the sync of gigabytes included. */
const CALL_TIMEOUT_MS = 120_000;
/**
 * Threads that may be given up while their file calls do not return. From then on one more is for each
 * kind of task that has none among them: a file store that hangs keeps no block from the database.
 */
const LOST_MAX = 4;
const LOOKS_PER_TIMEOUT = 12;

export interface WorkerPoolOptions {
  /** Most threads at a time; default half of the cores. */
  readonly workersMax?: number;
  /** Starts a thread that runs `worker.ts`, with the memory of its `CallMark` as its data. */
  readonly createWorker?: (mark: SharedArrayBuffer) => Worker;
  /** How long one file call of a task may take; default two minutes. */
  readonly callTimeoutMs?: number;
}

interface Job {
  readonly id: number;
  readonly task: string;
  readonly input: unknown;
  readonly transfer: readonly ArrayBuffer[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly mark: CallMark;
  job: Job | undefined;
  /** The file call that the last looks have found it in, and how often. */
  call: number | undefined;
  looks: number;
  isLost: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

/**
 * Runs tasks on worker threads, which are started when needed and end when idle. A task whose file
 * call does not return, since a disk or a network mount hangs, rejects with `ERR_FS_HANGING`, and
 * another thread takes the place of its own, which is back when the call returns.
 */
export class WorkerPool implements TaskPool {
  #workersMax: number;
  readonly #createWorker: (mark: SharedArrayBuffer) => Worker;
  readonly #lookPeriodMs: number;
  #watch: NodeJS.Timeout | undefined;
  readonly #threads = new Set<Thread>();
  #queue: Job[] = [];
  #nextId = 1;
  #closed = false;

  constructor(options: WorkerPoolOptions = {}) {
    this.#workersMax = options.workersMax ?? halfOfTheCores();
    this.#createWorker = options.createWorker ?? createWorker;
    this.#lookPeriodMs = (options.callTimeoutMs ?? CALL_TIMEOUT_MS) / LOOKS_PER_TIMEOUT;
  }

  get workersMax(): number {
    return this.#workersMax;
  }

  limit(workersMax: number): void {
    this.#workersMax = workersMax > 0 ? workersMax : halfOfTheCores();
    this.#dispatch();
  }

  run<Input, Output>(
    task: Task<Input, Output>,
    input: Input,
    options: RunOptions = {},
  ): Promise<Output> {
    const { transfer = [], signal } = options;
    return new Promise<Output>((resolve, reject) => {
      if (this.#closed) {
        reject(new CodedError('ERR_WORKER_LOST', 'the worker threads were stopped'));
        return;
      }
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      if (this.#isHanging(task.name)) {
        reject(hangingError(task.name));
        return;
      }
      // A signal may live much longer than the job, so nothing of the job stays on it.
      const onAbort = (): void => this.#cancel(job);
      const job: Job = {
        id: this.#nextId++,
        task: task.name,
        input,
        transfer,
        signal,
        resolve: (output) => {
          signal?.removeEventListener('abort', onAbort);
          // Both ends name the same task constant, so what comes back is what its type says.
          resolve(output as Output);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(job);
      this.#dispatch();
    });
  }

  /** Ends all threads; what they were doing rejects with `ERR_WORKER_LOST`. */
  async close(): Promise<void> {
    this.#closed = true;
    const lost = new CodedError('ERR_WORKER_LOST', 'the worker threads were stopped');
    for (const job of this.#queue) job.reject(lost);
    this.#queue = [];
    const threads = [...this.#threads];
    await Promise.all(threads.map((thread) => this.#end(thread, lost)));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#idleThread();
      if (thread === undefined) return;
      const job = this.#queue.shift();
      if (job !== undefined) this.#start(thread, job);
    }
  }

  #start(thread: Thread, job: Job): void {
    const request: WorkerRequest = { kind: 'run', id: job.id, task: job.task, input: job.input };
    try {
      thread.worker.postMessage(request, [...job.transfer]);
    } catch (cause) {
      job.reject(new CodedError('ERR_TASK_INPUT', `${job.task} cannot be sent`, {}, cause));
      this.#rest(thread);
      return;
    }
    thread.job = job;
    thread.call = undefined;
    this.#watch ??= setInterval(() => this.#look(), this.#lookPeriodMs).unref();
    clearTimeout(thread.idleTimer);
    // A process that waits for a result stays; one with idle threads may end.
    thread.worker.ref();
  }

  #idleThread(): Thread | undefined {
    const threads = [...this.#threads];
    const busy = threads.filter(({ job, isLost }) => job !== undefined && !isLost).length;
    if (busy >= this.#workersMax) return undefined;
    const idle = threads.find(({ job }) => job === undefined);
    if (idle !== undefined) return idle;
    const mark = new CallMark();
    const worker = this.#createWorker(mark.memory);
    const nothing = {
      job: undefined,
      call: undefined,
      looks: 0,
      isLost: false,
      idleTimer: undefined,
    };
    const thread: Thread = { worker, mark, ...nothing };
    this.#threads.add(thread);
    worker.on('message', (answer: WorkerAnswer) => this.#finish(thread, answer));
    worker.on('error', (cause: Error) => this.#lose(thread, cause));
    worker.on('exit', (exitCode) => this.#lose(thread, new Error(`exit code ${exitCode}`)));
    return thread;
  }

  #finish(thread: Thread, answer: WorkerAnswer): void {
    const { job } = thread;
    if (job?.id !== answer.id) return;
    thread.job = undefined;
    // A lost one is back: its task has ended, as it could make no more calls.
    thread.isLost = false;
    thread.mark.abandon(false);
    this.#rest(thread);
    if (job.signal?.aborted === true) job.reject(job.signal.reason);
    else if ('error' in answer) job.reject(unpackError(answer.error));
    else job.resolve(answer.output);
    this.#dispatch();
  }

  #rest(thread: Thread): void {
    thread.worker.unref();
    clearTimeout(thread.idleTimer);
    thread.idleTimer = setTimeout(() => {
      if (thread.job === undefined) void this.#end(thread);
    }, IDLE_MS);
    thread.idleTimer.unref();
    if ([...this.#threads].some(({ job, isLost }) => job !== undefined && !isLost)) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** Gives up threads that all looks of a time limit have found in one and the same file call. */
  #look(): void {
    for (const thread of this.#threads) {
      const { job, isLost, mark } = thread;
      if (job === undefined || isLost) continue;
      const call = mark.current;
      thread.looks = call !== undefined && call === thread.call ? thread.looks + 1 : 0;
      thread.call = call;
      if (thread.looks < LOOKS_PER_TIMEOUT) continue;
      thread.isLost = true;
      mark.abandon(true);
      thread.worker.unref();
      job.reject(hangingError(job.task));
    }
    const refused = this.#queue.filter(({ task }) => this.#isHanging(task));
    this.#queue = this.#queue.filter((job) => !refused.includes(job));
    for (const job of refused) job.reject(hangingError(job.task));
    this.#dispatch();
  }

  /** Whether so many threads are lost, some of them to this kind of task, that it gets none any more. */
  #isHanging(task: string): boolean {
    const lost = [...this.#threads].filter(({ isLost }) => isLost);
    return lost.length >= LOST_MAX && lost.some(({ job }) => job?.task === task);
  }

  #cancel(job: Job): void {
    if (this.#queue.includes(job)) {
      this.#queue = this.#queue.filter((other) => other !== job);
      job.reject(job.signal?.reason);
      return;
    }
    // The task itself ends at its next look at the signal, and cleans up.
    const request: WorkerRequest = { kind: 'cancel', id: job.id };
    for (const thread of this.#threads) if (thread.job === job) thread.worker.postMessage(request);
  }

  #lose(thread: Thread, cause: Error): void {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.idleTimer);
    thread.job?.reject(
      new CodedError('ERR_WORKER_LOST', 'a worker thread ended unexpectedly', {}, cause),
    );
    this.#dispatch();
  }

  async #end(thread: Thread, reason?: CodedError): Promise<void> {
    this.#threads.delete(thread);
    clearTimeout(thread.idleTimer);
    thread.job?.reject(reason);
    await thread.worker.terminate();
  }
}

function hangingError(task: string): CodedError {
  return new CodedError('ERR_FS_HANGING', `a file call of ${task} does not return`);
}

function halfOfTheCores(): number {
  return Math.max(1, Math.floor(availableParallelism() / 2));
}

function createWorker(mark: SharedArrayBuffer): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: WORKER_HEAP_MIB };
  const options = { resourceLimits, workerData: mark };
  if (isSea()) return new Worker(getAsset(WORKER_ASSET, 'utf8'), { eval: true, ...options });
  return new Worker(new URL('../worker.ts', import.meta.url), options);
}
