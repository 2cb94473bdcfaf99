import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { JobKeyValueStore } from './key-value-store.ts';

/** A row for each time; the rest of the key is when, in Unix milliseconds. */
const PREFIX = 'jobs_set_aside_';
/** So many may be written in one millisecond, or by clocks that were set back. */
const TRIES_MAX = 100;

/** What was found in the place of the list of jobs and is none, kept byte for byte. */
export class SetAside {
  readonly #kv: JobKeyValueStore;
  readonly #clock: Clock;
  readonly #onChange: (keys: readonly string[]) => void;

  /** @param onChange told of all keys that there are */
  constructor(kv: JobKeyValueStore, clock: Clock, onChange: (keys: readonly string[]) => void) {
    this.#kv = kv;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** The key under which the bytes are now. */
  async keep(bytes: Uint8Array): Promise<string> {
    const nowMs = this.#clock.nowMs();
    for (let i = 0; i < TRIES_MAX; i++) {
      const key = `${PREFIX}${nowMs + i}`;
      if (await this.#kv.compareAndSet(key, undefined, bytes)) return key;
    }
    throw new CodedError('ERR_JOBS_CONFLICT', 'no key is free for a damaged list of dump jobs');
  }

  async discard(key: string): Promise<void> {
    await this.#kv.delete(key);
  }

  /** Tells what there is, also from earlier runs. */
  async announce(): Promise<void> {
    this.#onChange(await this.keys());
  }

  async discardAll(): Promise<void> {
    for (const key of await this.keys()) await this.#kv.delete(key);
    this.#onChange([]);
  }

  keys(): Promise<string[]> {
    return this.#kv.keys(PREFIX);
  }
}
