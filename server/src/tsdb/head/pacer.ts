import type { Clock } from '../../base/clock.ts';
import { SLICE_MS } from '../limits.ts';

/** Splits long work into slices, between which everything else on the thread gets its turn. */
export class Pacer {
  readonly #clock: Clock;
  #sliceEndMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sliceEndMs = clock.monotonicMs() + SLICE_MS;
  }

  /** Whether the slice is over and `pause` is due. */
  get isDue(): boolean {
    return this.#clock.monotonicMs() >= this.#sliceEndMs;
  }

  async pause(): Promise<void> {
    await this.#clock.sleep(0);
    this.#sliceEndMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}
