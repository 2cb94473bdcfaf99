/**
 * A binary heap whose smallest item comes first. It moves items exactly as Go's container/heap does,
 * so that equal items come in the order in which Prometheus takes them.
 */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #isLess: (a: T, b: T) => boolean;

  constructor(isLess: (a: T, b: T) => boolean) {
    this.#isLess = isLess;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The smallest item; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  clear(): void {
    this.#items.length = 0;
  }

  push(item: T): void {
    const items = this.#items;
    items.push(item);
    let at = items.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLess(items[at], items[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Takes the smallest item out; undefined when there is none. */
  pop(): T | undefined {
    const items = this.#items;
    const last = items.length - 1;
    if (last < 0) return undefined;
    this.#swap(0, last);
    const smallest = items.pop();
    this.#sink(0);
    return smallest;
  }

  #sink(from: number): void {
    const items = this.#items;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) return;
      if (child + 1 < items.length && this.#isLess(items[child + 1], items[child])) child++;
      if (!this.#isLess(items[child], items[at])) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    const item = items[a];
    items[a] = items[b];
    items[b] = item;
  }
}
