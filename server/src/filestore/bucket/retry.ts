import type { Clock } from '../../base/clock.ts';
import { codeOf, hasCode } from '../../base/errors.ts';
import { Backoff } from '../../base/sync/backoff.ts';

/** With the waits of the backoff: at least 3.75 s from the first failure to the last try. */
const TRIES_MAX = 5;
const FIRST_WAIT_MS = 250;
const WAIT_MAX_MS = 8_000;

/** Failures that may be gone a moment later. All others are told at once. */
const PASSING: ReadonlySet<string> = new Set([
  'ERR_FILESTORE_BUSY',
  'ERR_FILESTORE_TIMEOUT',
  'ERR_FILESTORE_UNREACHABLE',
  // The client corrects its clock by the answer; the next try has the right time.
  'ERR_FILESTORE_CLOCK',
]);

export function isPassing(error: unknown): boolean {
  return PASSING.has(codeOf(error) ?? '');
}

/** How often, and after which waits, requests to a bucket are made again. */
export class Retrier {
  readonly #clock: Clock;
  readonly #firstWaitMs: number;
  readonly #onTimeout: (error: unknown) => void;

  /** @param onTimeout told of each try that was not answered in time */
  constructor(
    clock: Clock,
    firstWaitMs = FIRST_WAIT_MS,
    onTimeout: (error: unknown) => void = () => {},
  ) {
    this.#clock = clock;
    this.#firstWaitMs = firstWaitMs;
    this.#onTimeout = onTimeout;
  }

  /** The result of the first try that succeeds; the error of the last, or of one that won't pass. */
  async run<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const tries = this.begin();
    for (;;) {
      try {
        return await request();
      } catch (error) {
        await tries.failed(error, signal);
      }
    }
  }

  begin(): Tries {
    const backoff = new Backoff(this.#firstWaitMs, WAIT_MAX_MS);
    return new Tries(this.#clock, backoff, this.#onTimeout);
  }
}

/** The tries of one request. */
export class Tries {
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #onTimeout: (error: unknown) => void;
  #failures = 0;

  constructor(clock: Clock, backoff: Backoff, onTimeout: (error: unknown) => void) {
    this.#clock = clock;
    this.#backoff = backoff;
    this.#onTimeout = onTimeout;
  }

  /** Resolves when it is time for the next try, or rejects with `error` when there is none. */
  async failed(error: unknown, signal?: AbortSignal): Promise<void> {
    this.#failures++;
    if (hasCode(error, 'ERR_FILESTORE_TIMEOUT')) this.#onTimeout(error);
    if (!isPassing(error) || this.#failures >= TRIES_MAX || signal?.aborted === true) throw error;
    await this.#clock.sleep(this.#backoff.nextMs(), signal);
  }

  /** It got further: what fails from now on is something new. */
  progressed(): void {
    this.#failures = 0;
    this.#backoff.reset();
  }
}
