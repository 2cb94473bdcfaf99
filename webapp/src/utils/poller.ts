/** What the poller needs of a browser. */
export interface PollerHost {
  isVisible(): boolean;
  /** @returns what stops the listening. */
  onVisibilityChange(listener: () => void): () => void;
  setTimer(callback: () => void, delayMs: number): number;
  clearTimer(timer: number): void;
}

/**
 * Runs a task at once and again some time after each run has ended. Nobody looks at a hidden page, so
 * there the task rests; it runs at once when the page shows again.
 */
export class Poller {
  readonly #task: () => Promise<void>;
  readonly #host: PollerHost;
  readonly #stopListening: () => void;
  #delayMs: number;
  #timer: number | undefined;
  #running = false;
  #closed = false;

  /** @param task must not reject. */
  constructor(task: () => Promise<void>, delayMs: number, host: PollerHost) {
    this.#task = task;
    this.#delayMs = delayMs;
    this.#host = host;
    this.#stopListening = host.onVisibilityChange(() => this.#visibilityChanged());
    this.#run();
  }

  /** Counts for the run that is waited for as well. */
  setDelay(delayMs: number): void {
    if (delayMs !== this.#delayMs) {
      this.#delayMs = delayMs;
      this.#schedule();
    }
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#cancel();
  }

  #visibilityChanged(): void {
    if (this.#host.isVisible()) {
      this.#run();
    } else {
      this.#cancel();
    }
  }

  #run(): void {
    this.#cancel();
    if (this.#running || this.#closed || !this.#host.isVisible()) {
      return;
    }
    this.#running = true;
    void this.#task().finally(() => {
      this.#running = false;
      this.#schedule();
    });
  }

  #schedule(): void {
    this.#cancel();
    if (!this.#running && !this.#closed && this.#host.isVisible()) {
      this.#timer = this.#host.setTimer(() => this.#run(), this.#delayMs);
    }
  }

  #cancel(): void {
    if (this.#timer !== undefined) {
      this.#host.clearTimer(this.#timer);
      this.#timer = undefined;
    }
  }
}

export const browserHost: PollerHost = {
  isVisible: () => document.visibilityState !== 'hidden',
  onVisibilityChange: (listener) => {
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  },
  setTimer: (callback, delayMs) => window.setTimeout(callback, delayMs),
  clearTimer: (timer) => window.clearTimeout(timer),
};
