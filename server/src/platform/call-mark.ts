import { CodedError } from '../base/errors.ts';

const CALLS = 0;
const IS_ABANDONED = 1;

/**
 * Tells another thread whether this one is in a file call that does not return. A thread that was
 * given up makes no more calls but to close files: somebody else may be at them.
 */
export class CallMark {
  readonly memory: SharedArrayBuffer;
  /** Calls begun and ended, together: odd during a call. */
  readonly #cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** Throws `ERR_FS_HANGING` once the thread was given up. */
  check(path: string): void {
    if (Atomics.load(this.#cells, IS_ABANDONED) === 0) return;
    throw new CodedError('ERR_FS_HANGING', `${path} is left alone: a call before took too long`);
  }

  /** Makes a call that keeps the thread until it returns. */
  during<T>(call: () => T): T {
    Atomics.add(this.#cells, CALLS, 1);
    try {
      return call();
    } finally {
      Atomics.add(this.#cells, CALLS, 1);
    }
  }

  /** Of the call that is under way; undefined between calls. */
  get current(): number | undefined {
    const calls = Atomics.load(this.#cells, CALLS);
    return (calls & 1) === 1 ? calls : undefined;
  }

  abandon(isAbandoned: boolean): void {
    Atomics.store(this.#cells, IS_ABANDONED, isAbandoned ? 1 : 0);
  }
}
