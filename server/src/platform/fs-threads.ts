import { getAsset, isSea } from 'node:sea';
import { Worker } from 'node:worker_threads';

import { CodedError } from '../base/errors.ts';
import type { FsCallName, FsCalls, OpenedFile } from './fs-calls.ts';
import { BYTES_ARGUMENT, type FsAnswer, type FsRequest, SHARED_BYTES } from './fs-messages.ts';
import type { FsCaller } from './fs-over-calls.ts';
import { unpackError } from './worker-messages.ts';

/** Threads whose calls are not slow. One would do; the other passes by what is about to be. */
const LIVE_MAX = 2;
/** Threads that one store may cost. When all are lost, calls are refused until one is back. */
export const THREADS_MAX = 4;
/** A call that takes longer no longer keeps the others waiting: another thread takes its place. */
const SLOW_MS = 1_000;
/** The longest that a call may take, the waiting before it included. */
export const CALL_TIMEOUT_MS = 20_000;
/** The same for a call that waits until gigabytes are on a slow disk: no more, but much longer. */
const FLUSH_TIMEOUT_FACTOR = 6;
const FLUSHING: ReadonlySet<FsCallName> = new Set(['sync', 'close']);
const IDLE_MS = 10_000;
const WATCH_PERIOD_MS = 250;

/**
 * MiB. A thread makes calls and keeps nothing: what it has in its heap is Node's own start.
 */
const HEAP_LIMITS = {
  maxYoungGenerationSizeMb: 1,
  maxOldGenerationSizeMb: 16,
  stackSizeMb: 1,
};

/** The threads' code, as an asset of the executable; see build/executable.ts. */
const THREAD_ASSET = 'fs-worker.js';

export interface FsThreadsOptions {
  /** Default {@link CALL_TIMEOUT_MS}. */
  readonly callTimeoutMs?: number;
  /** Default 1 s. */
  readonly slowMs?: number;
  /** How long a thread stays that has nothing to do; default 10 s. */
  readonly idleMs?: number;
  /** What a thread runs, where it is neither an asset nor the source `fs-worker.ts`. */
  readonly workerFile?: string;
}

interface Call {
  readonly name: FsCallName;
  readonly args: readonly unknown[];
  readonly path: string;
  /** Of a read or a write. */
  readonly bytes: Uint8Array | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** How often the watch has seen it. A process that slept loses no thread: time does not count. */
  waitedTicks: number;
  runTicks: number;
}

interface Thread {
  readonly worker: Worker;
  readonly memory: SharedArrayBuffer;
  call: Call | undefined;
  /** Since when, Unix milliseconds, a call has not returned that nobody waits for any more. */
  lostSinceMs: number | undefined;
  /** The file of the lost call is to be closed when it returns. */
  owesClose: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

/**
 * Makes file calls on threads of its own, each of which can be left behind: the file system of a
 * network mount whose server is gone answers no call, for hours. A call that is not done in time
 * rejects with `ERR_FS_HANGING`, and so do, at once, others for the same path, and any call while
 * {@link THREADS_MAX} threads are lost. A lost thread is back as soon as its call returns.
 *
 * Threads start with the first call and end when idle. What they open is closed by its number, by
 * whichever thread is free.
 */
export class FsThreads implements FsCaller {
  readonly #timeoutTicks: number;
  readonly #slowTicks: number;
  readonly #tickMs: number;
  readonly #idleMs: number;
  readonly #workerFile: string | undefined;
  readonly #threads = new Set<Thread>();
  #queue: Call[] = [];
  #watch: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: FsThreadsOptions = {}) {
    const { callTimeoutMs = CALL_TIMEOUT_MS, slowMs = SLOW_MS, idleMs = IDLE_MS } = options;
    this.#idleMs = idleMs;
    this.#workerFile = options.workerFile;
    this.#tickMs = Math.min(WATCH_PERIOD_MS, Math.ceil(slowMs / 2));
    this.#slowTicks = Math.ceil(slowMs / this.#tickMs);
    this.#timeoutTicks = Math.ceil(callTimeoutMs / this.#tickMs);
  }

  /** Threads that wait for a call that may never return. */
  get lostCount(): number {
    return [...this.#threads].filter(isLost).length;
  }

  get threadCount(): number {
    return this.#threads.size;
  }

  /**
   * Makes the call of that name; bytes of a read or a write are at most `SHARED_BYTES`.
   *
   * Rejects with the call's own error, with `ERR_FS_HANGING`, or with `ERR_WORKER_LOST` when the
   * threads were closed.
   */
  async run<Name extends FsCallName>(
    name: Name,
    ...args: Parameters<FsCalls[Name]>
  ): Promise<ReturnType<FsCalls[Name]>> {
    const isOwed = name === 'close' && this.#owe(args[1]);
    const value = isOwed ? undefined : await this.#enqueue(name, args[0], args);
    // The thread has made the call of this name.
    return value as ReturnType<FsCalls[Name]>;
  }

  /** Ends the threads; does not resolve while one is lost. Calls that wait reject. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ended = new CodedError('ERR_WORKER_LOST', 'the threads for file calls were stopped');
    for (const call of this.#queue.splice(0)) call.reject(ended);
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  /** Has a file closed when the lost call returns that has it in its hands; false: there is none. */
  #owe(fd: unknown): boolean {
    const holder = [...this.#threads].find(
      (thread) => isLost(thread) && thread.call?.args[1] === fd,
    );
    if (holder !== undefined) holder.owesClose = true;
    return holder !== undefined;
  }

  #enqueue(name: FsCallName, path: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise<unknown>((resolve, reject) => {
      const refusal = this.#refusal(path, name);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      const given = args[BYTES_ARGUMENT];
      const bytes = given instanceof Uint8Array ? given : undefined;
      const counts = { waitedTicks: 0, runTicks: 0 };
      this.#queue.push({ name, args, path, bytes, resolve, reject, ...counts });
      this.#dispatch();
    });
  }

  #refusal(path: string, name: FsCallName): CodedError | undefined {
    if (this.#isClosed) {
      return new CodedError('ERR_WORKER_LOST', 'the threads for file calls were stopped');
    }
    const lost = [...this.#threads].filter(isLost);
    // Whatever is open can be closed: that frees something.
    if (lost.length === 0 || name === 'close') return undefined;
    const same = lost.find((thread) => thread.call?.path === path);
    if (same === undefined && lost.length < THREADS_MAX) return undefined;
    return this.#hangingError((same ?? lost[0]).call?.path ?? path, same ?? lost[0]);
  }

  #hangingError(path: string, lost?: Thread): CodedError {
    const { call, lostSinceMs = Date.now() } = lost ?? {};
    const ticks = call === undefined ? this.#timeoutTicks : call.waitedTicks + call.runTicks;
    return new CodedError('ERR_FS_HANGING', `${path} does not answer`, {
      operation: call?.name,
      since: new Date(lostSinceMs - ticks * this.#tickMs).toISOString(),
      hangingCalls: this.lostCount,
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && !this.#isClosed) {
      const at = this.#nextCall();
      if (at < 0) return;
      const thread = this.#freeThread();
      if (thread === undefined) return;
      const [call] = this.#queue.splice(at, 1);
      this.#start(thread, call);
    }
  }

  /**
   * The place in the queue of the first call that may start. One path has one call at a time, so that
   * a file that hangs costs one thread; but reads of a file pass each other while they are fast.
   */
  #nextCall(): number {
    const paths = new Set<string>();
    for (const thread of this.#threads) {
      const { call } = thread;
      if (call !== undefined && (call.name !== 'read' || this.#isSlow(thread)))
        paths.add(call.path);
    }
    if (paths.size === 0) return 0;
    return this.#queue.findIndex(({ name, path }) => name === 'close' || !paths.has(path));
  }

  #freeThread(): Thread | undefined {
    const threads = [...this.#threads];
    const idle = threads.find(({ call }) => call === undefined);
    if (idle !== undefined) return idle;
    const live = threads.filter((thread) => !this.#isSlow(thread));
    if (live.length >= LIVE_MAX || threads.length >= THREADS_MAX) return undefined;
    return this.#startThread();
  }

  #startThread(): Thread {
    const memory = new SharedArrayBuffer(SHARED_BYTES);
    const worker = createWorker(memory, this.#workerFile);
    const thread: Thread = {
      worker,
      memory,
      call: undefined,
      lostSinceMs: undefined,
      owesClose: false,
      idleTimer: undefined,
    };
    this.#threads.add(thread);
    worker.on('message', (answer: FsAnswer) => this.#finish(thread, answer));
    worker.on('error', (cause: Error) => this.#remove(thread, cause));
    worker.on('exit', (exitCode) => this.#remove(thread, new Error(`exit code ${exitCode}`)));
    return thread;
  }

  #start(thread: Thread, call: Call): void {
    const { name, bytes } = call;
    const args = call.args.map((value) => (value === bytes ? undefined : value));
    if (name === 'write' && bytes !== undefined) new Uint8Array(thread.memory).set(bytes);
    thread.call = call;
    clearTimeout(thread.idleTimer);
    thread.worker.ref();
    const request: FsRequest = { name, args, sharedBytes: bytes?.length };
    thread.worker.postMessage(request);
    this.#watch ??= setInterval(() => this.#look(), this.#tickMs);
  }

  #finish(thread: Thread, answer: FsAnswer): void {
    const { call, owesClose } = thread;
    if (call === undefined) return;
    const wasLost = isLost(thread);
    thread.call = undefined;
    thread.lostSinceMs = undefined;
    thread.owesClose = false;
    this.#rest(thread);
    if (wasLost) {
      this.#clearUp(call, answer, owesClose);
    } else if ('error' in answer) {
      call.reject(unpackError(answer.error));
    } else {
      const { bytes } = call;
      if (call.name === 'read' && bytes !== undefined) {
        bytes.set(new Uint8Array(thread.memory, 0, Number(answer.value)));
      }
      call.resolve(answer.value);
    }
    this.#dispatch();
  }

  /** Nobody knows any more of the file that a lost call has opened or held. */
  #clearUp({ name, path, args }: Call, answer: FsAnswer, owesClose: boolean): void {
    let fd: unknown;
    if (owesClose) fd = args[1];
    else if (name === 'open' && 'value' in answer) ({ fd } = answer.value as OpenedFile);
    if (typeof fd === 'number') this.run('close', path, fd).catch(() => undefined);
  }

  #rest(thread: Thread): void {
    thread.worker.unref();
    clearTimeout(thread.idleTimer);
    thread.idleTimer = setTimeout(() => {
      if (thread.call !== undefined) return;
      this.#threads.delete(thread);
      void thread.worker.terminate();
    }, this.#idleMs).unref();
    const isBusy = [...this.#threads].some((each) => each.call !== undefined && !isLost(each));
    if (isBusy || this.#queue.length > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** One turn of the watch. */
  #look(): void {
    for (const call of this.#queue) call.waitedTicks++;
    for (const thread of this.#threads) {
      const { call } = thread;
      if (call === undefined || isLost(thread)) continue;
      call.runTicks++;
      if (call.waitedTicks + call.runTicks < this.#ticksFor(call)) continue;
      thread.lostSinceMs = Date.now();
      thread.worker.unref();
      call.reject(this.#hangingError(call.path, thread));
    }
    this.#refuseQueued();
    this.#dispatch();
    if ([...this.#threads].every((thread) => thread.call === undefined || isLost(thread))) {
      if (this.#queue.length > 0) return;
      clearInterval(this.#watch);
      this.#watch = undefined;
    }
  }

  /** Who has waited long enough, or waits for what has just been lost. */
  #refuseQueued(): void {
    const kept: Call[] = [];
    for (const call of this.#queue) {
      const refusal =
        call.waitedTicks >= this.#ticksFor(call)
          ? this.#hangingError(call.path)
          : this.#refusal(call.path, call.name);
      if (refusal !== undefined) call.reject(refusal);
      // A file is closed sooner or later, whoever still waits for it.
      if (refusal === undefined || call.name === 'close') kept.push(call);
    }
    this.#queue = kept;
  }

  #ticksFor({ name }: Call): number {
    return this.#timeoutTicks * (FLUSHING.has(name) ? FLUSH_TIMEOUT_FACTOR : 1);
  }

  #isSlow(thread: Thread): boolean {
    const { call } = thread;
    return call !== undefined && (isLost(thread) || call.runTicks >= this.#slowTicks);
  }

  #remove(thread: Thread, cause: Error): void {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.idleTimer);
    thread.call?.reject(
      new CodedError('ERR_WORKER_LOST', 'a thread for file calls ended unexpectedly', {}, cause),
    );
    this.#dispatch();
  }
}

function isLost({ lostSinceMs }: Thread): boolean {
  return lostSinceMs !== undefined;
}

function createWorker(memory: SharedArrayBuffer, file: string | undefined): Worker {
  const options = {
    workerData: memory,
    resourceLimits: HEAP_LIMITS,
    // Files are opened by one thread and used by others.
    trackUnmanagedFds: false,
  };
  if (isSea()) return new Worker(getAsset(THREAD_ASSET, 'utf8'), { eval: true, ...options });
  return new Worker(file ?? new URL('../fs-worker.ts', import.meta.url), options);
}
