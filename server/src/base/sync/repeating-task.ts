import type { Clock } from '../clock.ts';
import { Backoff } from './backoff.ts';

/** Runs work, and notices when it stands still. */
export type Watch = <T>(work: () => Promise<T>) => Promise<T>;

export interface RepeatingTaskOptions {
  readonly clock: Clock;
  /** From the end of one turn to the start of the next, asked before each wait. */
  readonly periodMs: () => number;
  /** One turn. It ends early, however it likes, once the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** A turn failed; the next one follows after a backoff that never exceeds the period. */
  readonly onError: (error: unknown) => void;
  /** Wait after the first failure; doubles with each further one. */
  readonly retryFirstMs?: number;
  /** Start with a wait instead of a turn. */
  readonly waitFirst?: boolean;
  /** What each turn is run through, so that somebody hears of one that never ends. */
  readonly watch?: Watch | undefined;
}

const RETRY_FIRST_MS = 1_000;

/**
 * A background loop with an owner: it runs turns one after another, survives failed ones, can be
 * woken early and stops for good. A failed turn is never the end of the loop.
 */
export class RepeatingTask {
  readonly #options: RepeatingTaskOptions;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  #wake = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: RepeatingTaskOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.retryFirstMs ?? RETRY_FIRST_MS, 2 ** 31 - 1);
  }

  /** Starts the loop; fine to call twice. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Runs the next turn at once; one that is under way is followed by another. */
  wake(): void {
    this.#wake.abort();
  }

  /** Aborts the turn under way and resolves when it has ended. No turn follows. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const stop = this.#stopping.signal;
    if (this.#options.waitFirst === true) await this.#wait(this.#options.periodMs());
    while (!stop.aborted) {
      this.#wake = new AbortController();
      let waitMs: number;
      try {
        const turn = (): Promise<void> => this.#options.run(stop);
        await (this.#options.watch?.(turn) ?? turn());
        this.#backoff.reset();
        waitMs = this.#options.periodMs();
      } catch (error) {
        if (stop.aborted) return;
        this.#options.onError(error);
        waitMs = Math.min(this.#backoff.nextMs(), this.#options.periodMs());
      }
      await this.#wait(waitMs);
    }
  }

  async #wait(delayMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, this.#wake.signal]);
    await this.#options.clock.sleep(delayMs, signal).catch(() => undefined);
  }
}
