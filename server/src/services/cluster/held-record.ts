import type { LeaseKeyValueStore } from './lease.ts';
import { encodeOwnerRecord } from './owner-record.ts';
import type { OwnerRecord } from './owner-record.ts';

export const OWNER_KEY = 'scraper_owner';

/** Writes of which it is not known whether they came to pass; more are not followed up. */
const UNKNOWN_WRITES_MAX = 8;

/** The owner record of an instance that holds the lease, followed through writes that may be lost. */
export class HeldRecord {
  readonly #kv: Pick<LeaseKeyValueStore, 'compareAndSet'>;
  /** One of them is stored: several after a write of which the outcome is not known. */
  #records: readonly OwnerRecord[];

  constructor(kv: Pick<LeaseKeyValueStore, 'compareAndSet'>, record: OwnerRecord) {
    this.#kv = kv;
    this.#records = [record];
  }

  get record(): OwnerRecord {
    return this.#records[0];
  }

  /**
   * Moves the record on; false: it is not ours any more.
   *
   * @param call what each write is made through, so that it ends in time
   */
  async beat(beatMs: number, call: <T>(work: Promise<T>) => Promise<T>): Promise<boolean> {
    const known = this.#records;
    if (known.length > UNKNOWN_WRITES_MAX) return false;
    const beat = Math.max(...known.map((record) => record.beat)) + 1;
    const next = { ...known[0], beat, beatMs };
    this.#records = [next, ...known];
    for (const record of known) {
      if (await call(this.#swap(record, next))) {
        this.#records = [next];
        return true;
      }
      this.#records = this.#records.filter((each) => each !== record);
    }
    return false;
  }

  /** Says in the record that its owner has let go; false: it is not ours any more. */
  async release(): Promise<boolean> {
    for (const record of this.#records) {
      if (await this.#swap(record, { ...record, isReleased: true })) return true;
    }
    return false;
  }

  #swap(from: OwnerRecord, to: OwnerRecord): Promise<boolean> {
    return this.#kv.compareAndSet(OWNER_KEY, encodeOwnerRecord(from), encodeOwnerRecord(to));
  }
}
