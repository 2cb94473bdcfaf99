import type { Clock } from '../../base/clock.ts';

/**
 * Hands out turns of the event loop, one to one caller at a time: however many scrapes have work to
 * do, the loop is held for one slice of one of them, and then sockets, timers and the host go first.
 */
export class Turns {
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => this.#clock.sleep(0));
    return this.#last;
  }
}
