import type { Clock } from '../../base/clock.ts';
import type { JobKeyValueStore } from './key-value-store.ts';

const PREFIX = 'mutex_';
const VALUE = Uint8Array.of(1);
const LOCK_SECONDS = 15;
/** From then on the lock may be somebody else's, which looks the same. */
const SURE_MS = 13_000;

/**
 * A lock that Go nodes respect (Mattermost's server/public/pluginapi/cluster/mutex.go), for work of a
 * few seconds: it is not renewed. A holder that dies loses it after 15 s.
 */
export class GoLock {
  readonly #kv: JobKeyValueStore;
  readonly #clock: Clock;
  readonly #key: string;

  /** @param name what the Go side calls the mutex */
  constructor(kv: JobKeyValueStore, clock: Clock, name: string) {
    this.#kv = kv;
    this.#clock = clock;
    this.#key = PREFIX + name;
  }

  /** Whether somebody holds it. */
  async isHeld(): Promise<boolean> {
    return (await this.#kv.get(this.#key)) !== undefined;
  }

  /** Runs `work` with the lock; undefined, with nothing done, when somebody else has it. */
  async tryRun<T>(work: () => Promise<T>): Promise<{ readonly result: T } | undefined> {
    const startMs = this.#clock.monotonicMs();
    if (!(await this.#kv.createFor(this.#key, VALUE, LOCK_SECONDS))) return undefined;
    try {
      return { result: await work() };
    } finally {
      // Where this fails, or comes too late, the lock ends by itself.
      if (this.#clock.monotonicMs() - startMs < SURE_MS) {
        await this.#kv.delete(this.#key).catch(() => undefined);
      }
    }
  }
}
