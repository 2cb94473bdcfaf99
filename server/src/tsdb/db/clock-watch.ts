import type { Clock } from '../../base/clock.ts';
import { CLOCK_JUMP_MS } from '../limits.ts';

/** Tells when the wall clock has gone back, by the monotonic clock. */
export class ClockWatch {
  readonly #clock: Clock;
  /** Wall time less monotonic time; nothing is known of the time before the start. */
  #offsetMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it jumped back since the last call. The first call says so too: it may have before. */
  hasGoneBack(): boolean {
    const offsetMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const isBack = offsetMs < this.#offsetMs - CLOCK_JUMP_MS;
    this.#offsetMs = offsetMs;
    return isBack;
  }

  /** Lets the next call say that it has gone back. */
  reset(): void {
    this.#offsetMs = Infinity;
  }
}
