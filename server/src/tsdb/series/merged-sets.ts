import { Heap } from '../../base/heap.ts';

/** Series in the order of their labels. Most answers come without waiting. */
export interface SortedSet {
  /** Goes to the next series; false at the end. */
  next(): boolean | Promise<boolean>;
}

/**
 * Goes through several sets at once: `current` holds those that stand at the same series. Equal
 * series come in the order in which Prometheus takes them (genericMergeSeriesSet of
 * storage/merge.go), which decides which of two samples wins.
 */
export class MergedSets<S extends SortedSet> implements SortedSet {
  /** Valid until `next`. */
  current: readonly S[];
  readonly #compare: (a: S, b: S) => number;
  readonly #heap: Heap<S>;

  /**
   * @param sets not started yet
   * @param compare order of the series at which two sets stand
   */
  constructor(sets: readonly S[], compare: (a: S, b: S) => number) {
    this.current = sets;
    this.#compare = compare;
    this.#heap = new Heap((a, b) => compare(a, b) < 0);
  }

  next(): boolean | Promise<boolean> {
    const { current } = this;
    for (let i = 0; i < current.length; i++) {
      const more = current[i].next();
      if (typeof more !== 'boolean') return this.#wait(i, more);
      if (more) this.#heap.push(current[i]);
    }
    return this.#take();
  }

  async #wait(from: number, first: Promise<boolean>): Promise<boolean> {
    const { current } = this;
    if (await first) this.#heap.push(current[from]);
    for (const set of current.slice(from + 1)) if (await set.next()) this.#heap.push(set);
    return this.#take();
  }

  #take(): boolean {
    const first = this.#heap.pop();
    if (first === undefined) {
      this.current = [];
      return false;
    }
    const current = [first];
    for (;;) {
      const top = this.#heap.peek();
      if (top === undefined || this.#compare(first, top) !== 0) break;
      this.#heap.pop();
      current.push(top);
    }
    this.current = current;
    return true;
  }
}
