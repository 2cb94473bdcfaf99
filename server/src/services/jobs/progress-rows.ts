import type { JobKeyValueStore } from './key-value-store.ts';
import { progressKey } from './go-schedule.ts';

/** The row of an instance that died is gone after this time. */
const ROW_SECONDS = 20;

/**
 * How far running jobs are, in a row each, so that any instance can answer it and that the list of
 * jobs is not rewritten again and again. The row is the sign of life of the instance, too.
 */
export class ProgressRows {
  readonly #kv: JobKeyValueStore;

  constructor(kv: JobKeyValueStore) {
    this.#kv = kv;
  }

  /** From 0 to 1; undefined when nobody works on the job. */
  async read(id: string): Promise<number | undefined> {
    const row = await this.#kv.get(progressKey(id));
    if (row === undefined) return undefined;
    const share = Number(new TextDecoder().decode(row));
    return share >= 0 && share <= 1 ? share : 0;
  }

  write(id: string, share: number): Promise<void> {
    return this.#kv.setFor(progressKey(id), new TextEncoder().encode(String(share)), ROW_SECONDS);
  }

  remove(id: string): Promise<void> {
    return this.#kv.delete(progressKey(id));
  }
}
