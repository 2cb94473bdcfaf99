import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import { withTimeout } from '../../base/sync/timeout.ts';

/** A value, and when it was so. */
export interface Known<T> {
  readonly value: T;
  /** Unix milliseconds: when it was asked for. */
  readonly asOfMs: number;
  /** Whether whoever knows better did not answer in time. */
  readonly isOld: boolean;
}

interface Load<T> {
  readonly startMs: number;
  readonly answer: Promise<Known<T>>;
}

/**
 * Something that others know and may be slow to tell: it is asked for anew each time, and what was
 * last known serves when no answer comes in time. One that does not answer is not asked again
 * meanwhile, so that no requests pile up.
 */
export class LastKnown<T> {
  readonly #clock: Clock;
  readonly #load: () => Promise<T>;
  #known: Known<T> | undefined;
  /** Not yet answered, oldest first. */
  #loads = new Set<Load<T>>();

  constructor(clock: Clock, load: () => Promise<T>) {
    this.#clock = clock;
    this.#load = load;
  }

  /**
   * The value as it is, or else as it was. Rejects with what the load rejects with, and with
   * `ERR_NO_ANSWER` when nothing is known yet.
   */
  async get(waitMs: number): Promise<Known<T>> {
    const [oldest] = this.#loads;
    const stuckMs = this.#clock.monotonicMs() - waitMs;
    const isStuck = oldest !== undefined && oldest.startMs <= stuckMs;
    const { answer } = isStuck ? oldest : this.#start();
    const late = new CodedError('ERR_NO_ANSWER', 'no answer came in time', { limitMs: waitMs });
    try {
      return await withTimeout(this.#clock, waitMs, answer, () => late);
    } catch (error) {
      if (error !== late || this.#known === undefined) throw error;
      return { ...this.#known, isOld: true };
    }
  }

  /** What the last answer was; undefined: there was none yet. */
  get last(): Known<T> | undefined {
    return this.#known && { ...this.#known, isOld: true };
  }

  /** What was known, and is being asked for, belongs to somebody else. */
  forget(): void {
    this.#known = undefined;
    this.#loads = new Set();
  }

  #start(): Load<T> {
    const loads = this.#loads;
    const load: Load<T> = {
      startMs: this.#clock.monotonicMs(),
      answer: this.#ask(loads, () => load),
    };
    loads.add(load);
    // Nobody may be there any more to hear of it.
    load.answer.catch(() => undefined);
    return load;
  }

  async #ask(loads: Set<Load<T>>, load: () => Load<T>): Promise<Known<T>> {
    const asOfMs = this.#clock.nowMs();
    try {
      // The load is in the set before it can be over.
      const value = await Promise.resolve().then(this.#load);
      const known = { value, asOfMs, isOld: false };
      if (loads === this.#loads) this.#known = known;
      return known;
    } finally {
      loads.delete(load());
    }
  }
}
