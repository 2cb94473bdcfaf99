import { UintList } from '../encoding/uint-list.ts';

/** Series of one label pair: `series[start, end)` of {@link SortedPostings}. */
export interface PostingsGroup {
  readonly nameRef: number;
  readonly valueRef: number;
  readonly start: number;
  readonly end: number;
}

export interface SortedPostings {
  /** By name, then by value, in the order of the symbols. */
  readonly groups: readonly PostingsGroup[];
  readonly series: Uint32Array;
}

/**
 * Collects (label name, label value, series) and sorts it by counting: two stable passes over plain
 * arrays, so that half a million entries cost no object and no comparison.
 */
export class PostingsBuilder {
  readonly #names = new UintList();
  readonly #values = new UintList();
  readonly #series = new UintList();

  /** Series must come in ascending order. */
  add(nameRef: number, valueRef: number, series: number): void {
    this.#names.push(nameRef);
    this.#values.push(valueRef);
    this.#series.push(series);
  }

  sort(symbolCount: number): SortedPostings {
    const names = this.#names.borrow();
    const values = this.#values.borrow();
    const series = this.#series.borrow();
    const byValue = orderBy(values, undefined, symbolCount);
    const order = orderBy(names, byValue, symbolCount);
    const sorted = new Uint32Array(order.length);
    const groups: PostingsGroup[] = [];
    let start = 0;
    for (let i = 0; i < order.length; i++) {
      const entry = order[i];
      sorted[i] = series[entry];
      const next = order[i + 1];
      if (
        i + 1 === order.length ||
        names[next] !== names[entry] ||
        values[next] !== values[entry]
      ) {
        groups.push({ nameRef: names[entry], valueRef: values[entry], start, end: i + 1 });
        start = i + 1;
      }
    }
    return { groups, series: sorted };
  }
}

/** A stable counting sort: positions of `keys`, taken in the given order, by ascending key. */
function orderBy(keys: Uint32Array, given: Uint32Array | undefined, keyCount: number): Uint32Array {
  const starts = new Uint32Array(keyCount + 1);
  for (let i = 0; i < keys.length; i++) starts[keys[i] + 1]++;
  for (let key = 0; key < keyCount; key++) starts[key + 1] += starts[key];
  const order = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const entry = given === undefined ? i : given[i];
    order[starts[keys[entry]]++] = entry;
  }
  return order;
}
