import { SampleColumns } from '../record/sample-columns.ts';
import type { Head } from './head.ts';
import { PENDING_COUNT, RECORD_DOUBLES } from './series-table.ts';

/** Samples of one scrape that are not in the log yet. */
export class PendingSamples extends SampleColumns {
  slots = new Int32Array(256);

  override reserve(count: number): void {
    super.reserve(count);
    if (count <= this.slots.length) return;
    const { slots } = this;
    (this.slots = new Int32Array(this.times.length)).set(slots);
  }

  /** Empties the list and lets the head drop the series again. */
  discard(head: Head): void {
    const { ints } = head.table;
    for (let i = 0; i < this.count; i++) {
      ints[this.slots[i] * RECORD_DOUBLES * 2 + PENDING_COUNT]--;
    }
    this.count = 0;
  }
}

/** Memory lists kept for the next scrapes. */
const POOLED_LISTS = 16;

/** Lends lists, so that a scrape need not make one. */
export class PendingPool {
  readonly #lists: PendingSamples[] = [];

  lend(): PendingSamples {
    return this.#lists.pop() ?? new PendingSamples();
  }

  giveBack(list: PendingSamples): void {
    if (this.#lists.length < POOLED_LISTS) this.#lists.push(list);
  }
}
