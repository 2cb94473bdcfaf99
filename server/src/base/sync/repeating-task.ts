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
  /** The longest of these waits, where the period is longer. */
  readonly retryMaxMs?: number;
  /** Wait so long before the first turn; a wake does not shorten that. Default 0. */
  readonly firstDelayMs?: number;
  /** What each turn is run through, so that somebody hears of one that does not end. */
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
  /** When the next turn is due, monotonic. */
  #dueMs = Infinity;
  #loop: Promise<void> | undefined;

  constructor(options: RepeatingTaskOptions) {
    this.#options = options;
    const { retryFirstMs = RETRY_FIRST_MS, retryMaxMs = 2 ** 31 - 1 } = options;
    this.#backoff = new Backoff(retryFirstMs, retryMaxMs);
  }

  /** Starts the loop; fine to call twice. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Puts the next turn forward to `delayMs` from now; one that is under way is followed by another. */
  wake(delayMs = 0): void {
    this.#dueMs = Math.min(this.#dueMs, this.#options.clock.monotonicMs() + delayMs);
    this.#wake.abort();
  }

  /** Aborts the turn under way and resolves when it has ended. No turn follows. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const stop = this.#stopping.signal;
    const { clock, firstDelayMs = 0 } = this.#options;
    if (firstDelayMs > 0) await clock.sleep(firstDelayMs, stop).catch(() => undefined);
    while (!stop.aborted) {
      this.#dueMs = Infinity;
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

  /** A wake puts the end of the wait forward. */
  async #wait(delayMs: number): Promise<void> {
    const { clock } = this.#options;
    const stop = this.#stopping.signal;
    this.#dueMs = Math.min(this.#dueMs, clock.monotonicMs() + delayMs);
    do {
      this.#wake = new AbortController();
      const leftMs = Math.max(0, this.#dueMs - clock.monotonicMs());
      const signal = AbortSignal.any([stop, this.#wake.signal]);
      await clock.sleep(leftMs, signal).catch(() => undefined);
    } while (!stop.aborted && clock.monotonicMs() < this.#dueMs);
  }
}
