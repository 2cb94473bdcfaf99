import type { Clock } from '../../base/clock.ts';

/**
 * Deadlines that all have the same length, so that they fall due in the order they were set: one
 * sleeping timer serves any number of streams.
 */
export class Deadlines<Key> {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #onDue: (key: Key) => void;
  readonly #signal: AbortSignal;
  /** Due time by key, oldest first. */
  readonly #dueMs = new Map<Key, number>();
  #isRunning = false;

  /**
   * @param signal ends the timer; what is still set then is dropped
   * @param onDue must not throw
   */
  constructor(clock: Clock, delayMs: number, signal: AbortSignal, onDue: (key: Key) => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#signal = signal;
    this.#onDue = onDue;
  }

  set(key: Key): void {
    this.#dueMs.delete(key);
    this.#dueMs.set(key, this.#clock.monotonicMs() + this.#delayMs);
    if (!this.#isRunning) void this.#run();
  }

  cancel(key: Key): void {
    this.#dueMs.delete(key);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      const oldest = this.#dueMs.entries().next();
      if (oldest.done) break;
      const [key, dueMs] = oldest.value;
      const waitMs = dueMs - this.#clock.monotonicMs();
      if (waitMs <= 0) {
        this.#dueMs.delete(key);
        this.#onDue(key);
      } else if (!(await this.#sleep(waitMs))) {
        this.#dueMs.clear();
        break;
      }
    }
    this.#isRunning = false;
  }

  /** False when the signal ended the sleep: nobody waits for these deadlines any more. */
  async #sleep(delayMs: number): Promise<boolean> {
    try {
      await this.#clock.sleep(delayMs, this.#signal);
      return true;
    } catch {
      return false;
    }
  }
}
