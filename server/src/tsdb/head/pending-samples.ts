import type { Head } from './head.ts';
import { PENDING_COUNT, RECORD_DOUBLES } from './series-table.ts';

/** Samples of one scrape that are not in the log yet. */
export class PendingSamples {
  count = 0;
  slots = new Int32Array(256);
  times = new Float64Array(256);
  valuesHi = new Int32Array(256);
  valuesLo = new Int32Array(256);

  add(slot: number, timeMs: number, hi: number, lo: number): void {
    const at = this.count;
    if (at === this.slots.length) this.#grow();
    this.slots[at] = slot;
    this.times[at] = timeMs;
    this.valuesHi[at] = hi;
    this.valuesLo[at] = lo;
    this.count = at + 1;
  }

  /** Empties the list and lets the head drop the series again. */
  discard(head: Head): void {
    const { ints } = head.table;
    for (let i = 0; i < this.count; i++) {
      ints[this.slots[i] * RECORD_DOUBLES * 2 + PENDING_COUNT]--;
    }
    this.count = 0;
  }

  #grow(): void {
    const size = this.slots.length * 2;
    const { slots, times, valuesHi, valuesLo } = this;
    (this.slots = new Int32Array(size)).set(slots);
    (this.times = new Float64Array(size)).set(times);
    (this.valuesHi = new Int32Array(size)).set(valuesHi);
    (this.valuesLo = new Int32Array(size)).set(valuesLo);
  }
}
