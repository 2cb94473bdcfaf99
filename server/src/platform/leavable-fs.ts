import { CodedError } from '../base/errors.ts';
import type { File, Fs } from '../base/ports/fs.ts';

/** Calls of one store that may be at its disk at a time, and so threads of libuv's pool it may cost. */
export const STORE_CALLS_MAX = 4;
/**
 * The same for all stores of the process: one that hangs, the next that the settings name, and the
 * folder of the database.
 */
export const STORES_CALLS_MAX = 3 * STORE_CALLS_MAX;
/** The longest that a call may take, the waiting for its turn included. */
const CALL_TIMEOUT_MS = 20_000;
/** The same for a call that waits until gigabytes are on a slow disk: so many times as long. */
const FLUSH_TIMEOUT_FACTOR = 6;
const FLUSHING: ReadonlySet<string> = new Set(['sync', 'close']);
const TICK_MS_MAX = 250;

/** Memory that a read fills before its caller gets a copy: a lost one may fill it at any time. */
const BUFFER_BYTES = 512 * 1024;
const SPARE_BUFFERS_MAX = 4;
const spareBuffers: Uint8Array[] = [];

/** Of all stores. */
let callsInAll = 0;

interface Call {
  readonly name: string;
  readonly path: string;
  readonly begin: () => Promise<void>;
  readonly reject: (error: CodedError) => void;
  /** How often the watch has seen it. A process that slept loses no call: time does not count. */
  ticks: number;
  /** Since when, Unix milliseconds, nobody waits for it any more. */
  lostSinceMs: number | undefined;
}

export interface LeavableFsOptions {
  /** Default 20 s. */
  readonly callTimeoutMs?: number;
}

/**
 * An `Fs` whose calls can be left behind: the file system of a network mount whose server is gone
 * answers none of them, for hours. A call that is not done in time rejects with `ERR_FS_HANGING`, and so
 * do, at once, others for the same path, and any call while {@link STORE_CALLS_MAX} calls are lost. When a
 * lost call returns, what it has opened is closed, and its place is free again.
 *
 * Whether a call that was left is made after all is unknown.
 */
export class LeavableFs implements Fs {
  readonly #fs: Fs;
  readonly #tickMs: number;
  readonly #timeoutTicks: number;
  readonly #running = new Set<Call>();
  #queue: Call[] = [];
  #watch: NodeJS.Timeout | undefined;

  constructor(fs: Fs, { callTimeoutMs = CALL_TIMEOUT_MS }: LeavableFsOptions = {}) {
    this.#fs = fs;
    this.#tickMs = Math.min(TICK_MS_MAX, callTimeoutMs / 10);
    this.#timeoutTicks = Math.ceil(callTimeoutMs / this.#tickMs);
  }

  /** Calls that have not returned, and that nobody waits for. */
  get lostCount(): number {
    return [...this.#running].filter(isLost).length;
  }

  async open(path: string, mode: Parameters<Fs['open']>[1]): Promise<File> {
    const late = (file: File): void => void this.#close(file, path).catch(() => undefined);
    return this.#leavableFile(
      await this.#run('open', path, () => this.#fs.open(path, mode), late),
      path,
    );
  }

  readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#run('read', path, () => this.#fs.readFile(path));
  }

  list(dir: string): ReturnType<Fs['list']> {
    return this.#run('list', dir, () => this.#fs.list(dir));
  }

  stat(path: string): ReturnType<Fs['stat']> {
    return this.#run('stat', path, () => this.#fs.stat(path));
  }

  makeDir(dir: string): Promise<void> {
    return this.#run('make folder', dir, () => this.#fs.makeDir(dir));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run('rename', from, () => this.#fs.rename(from, to));
  }

  syncDir(dir: string): Promise<void> {
    return this.#run('sync', dir, () => this.#fs.syncDir(dir));
  }

  remove(path: string): Promise<void> {
    return this.#run('remove', path, () => this.#fs.remove(path));
  }

  removeTree(path: string): Promise<void> {
    return this.#run('remove', path, () => this.#fs.removeTree(path));
  }

  freeBytes(path: string): Promise<number> {
    return this.#run('ask for free space', path, () => this.#fs.freeBytes(path));
  }

  lockDir(dir: string): ReturnType<Fs['lockDir']> {
    const late = (lock: { release(): Promise<void> }): void => void lock.release();
    return this.#run('lock', dir, () => this.#fs.lockDir(dir), late);
  }

  #leavableFile(file: File, path: string): File {
    let isOwed = false;
    let unsettled = 0;
    /** One call on the file. It is closed once no call that was left has it in its hands. */
    const run = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
      return this.#run(name, path, async () => {
        unsettled++;
        try {
          return await call();
        } finally {
          unsettled--;
          if (isOwed && unsettled === 0) this.#close(file, path).catch(() => undefined);
        }
      });
    };
    return {
      read: (into, offset) =>
        readCopied(into, (buffer, at) => {
          return run('read', () => file.read(buffer, offset + at));
        }),
      write: (bytes, offset) => run('write', () => file.write(bytes, offset)),
      truncate: (sizeBytes) => run('truncate', () => file.truncate(sizeBytes)),
      sync: () => run('sync', () => file.sync()),
      size: () => run('stat', () => file.size()),
      close: async () => {
        isOwed = unsettled > 0;
        if (!isOwed) await this.#close(file, path);
      },
    };
  }

  #close(file: File, path: string): Promise<void> {
    return this.#run('close', path, () => file.close());
  }

  /** @param late gets what a call has brought that nobody waits for */
  #run<T>(
    name: string,
    path: string,
    call: () => Promise<T>,
    late?: (value: T) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const refusal = this.#refusal(path, name);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      const settle = (value: T): void => {
        if (isLost(waiting)) late?.(value);
        else resolve(value);
      };
      const begin = (): Promise<void> => call().then(settle, reject);
      const waiting: Call = { name, path, begin, reject, ticks: 0, lostSinceMs: undefined };
      this.#queue.push(waiting);
      this.#dispatch();
    });
  }

  #refusal(path: string, name: string): CodedError | undefined {
    const lost = [...this.#running].filter(isLost);
    // Whatever is open can be closed: that frees something.
    if (lost.length === 0 || name === 'close') return undefined;
    const same = lost.find((call) => call.path === path);
    if (same === undefined && lost.length < STORE_CALLS_MAX) return undefined;
    return this.#hangingError(same ?? lost[0]);
  }

  #hangingError({ name, path, ticks, lostSinceMs = Date.now() }: Call): CodedError {
    return new CodedError('ERR_FS_HANGING', `${path} does not answer`, {
      operation: name,
      since: new Date(lostSinceMs - ticks * this.#tickMs).toISOString(),
      hangingCalls: this.lostCount,
    });
  }

  #dispatch(): void {
    while (this.#running.size < STORE_CALLS_MAX && callsInAll < STORES_CALLS_MAX) {
      const at = this.#nextCall();
      const [call] = at < 0 ? [] : this.#queue.splice(at, 1);
      if (call === undefined) break;
      this.#start(call);
    }
    if (this.#queue.length === 0 && [...this.#running].every(isLost)) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    } else {
      this.#watch ??= setInterval(() => this.#look(), this.#tickMs);
    }
  }

  /**
   * The place in the queue of the first call that may start. One path has one call at a time, but for
   * reads: a file that hangs costs one thread.
   */
  #nextCall(): number {
    const busy = [...this.#running].filter((call) => call.name !== 'read' || isLost(call));
    if (busy.length === 0) return this.#queue.length > 0 ? 0 : -1;
    const paths = new Set(busy.map(({ path }) => path));
    return this.#queue.findIndex(({ name, path }) => name === 'close' || !paths.has(path));
  }

  #start(call: Call): void {
    this.#running.add(call);
    callsInAll++;
    void call.begin().finally(() => {
      this.#running.delete(call);
      callsInAll--;
      this.#dispatch();
    });
  }

  /** One turn of the watch. */
  #look(): void {
    for (const call of [...this.#running, ...this.#queue]) call.ticks++;
    for (const call of this.#running) {
      if (isLost(call) || call.ticks < this.#ticksFor(call)) continue;
      call.lostSinceMs = Date.now();
      call.reject(this.#hangingError(call));
    }
    this.#refuseQueued();
    this.#dispatch();
  }

  /** Who has waited long enough, or waits for what has just been lost. */
  #refuseQueued(): void {
    const kept: Call[] = [];
    for (const call of this.#queue) {
      const isLate = call.ticks >= this.#ticksFor(call);
      const refusal = isLate ? this.#hangingError(call) : this.#refusal(call.path, call.name);
      if (refusal !== undefined) call.reject(refusal);
      // A file is closed sooner or later, whoever still waits for it.
      if (refusal === undefined || call.name === 'close') kept.push(call);
    }
    this.#queue = kept;
  }

  #ticksFor({ name }: Call): number {
    return this.#timeoutTicks * (FLUSHING.has(name) ? FLUSH_TIMEOUT_FACTOR : 1);
  }
}

function isLost({ lostSinceMs }: Call): boolean {
  return lostSinceMs !== undefined;
}

/** Reads by way of a buffer of ours, which is used again unless its read was left behind. */
async function readCopied(
  into: Uint8Array,
  read: (buffer: Uint8Array, at: number) => Promise<number>,
): Promise<number> {
  let total = 0;
  while (total < into.length) {
    const buffer = spareBuffers.pop() ?? new Uint8Array(BUFFER_BYTES);
    const piece = buffer.subarray(0, into.length - total);
    const count = await read(piece, total);
    into.set(piece.subarray(0, count), total);
    if (spareBuffers.length < SPARE_BUFFERS_MAX) spareBuffers.push(buffer);
    total += count;
    if (count < piece.length) break;
  }
  return total;
}
