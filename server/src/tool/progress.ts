import type { Clock } from '../base/clock.ts';

const SHOW_EVERY_MS = 200;

/** One line about how far a command is, on a terminal; nothing anywhere else. */
export class Progress {
  readonly #clock: Clock;
  readonly #show: ((text: string) => void) | undefined;
  #lastMs = 0;
  #isShown = false;

  /** @param show writes to the terminal; undefined when there is none */
  constructor(clock: Clock, show: ((text: string) => void) | undefined) {
    this.#clock = clock;
    this.#show = show;
    this.#lastMs = clock.monotonicMs();
  }

  /** To be called often: it draws five times a second. */
  update(text: () => string): void {
    if (this.#show === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs < SHOW_EVERY_MS) return;
    this.#lastMs = nowMs;
    this.#isShown = true;
    this.#show(`\r${text()}\x1b[K`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#isShown) this.#show?.('\r\x1b[K');
    this.#isShown = false;
  }
}
