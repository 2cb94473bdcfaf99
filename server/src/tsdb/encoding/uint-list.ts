/** A growing list of unsigned 32-bit numbers outside the JavaScript heap. */
export class UintList {
  #items: Uint32Array;
  #length = 0;

  constructor(capacity = 1024) {
    this.#items = new Uint32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#items.length) {
      const grown = new Uint32Array(this.#length * 2);
      grown.set(this.#items);
      this.#items = grown;
    }
    this.#items[this.#length++] = value;
  }

  /** What is in the list, as a view that the next `push` may invalidate. */
  borrow(): Uint32Array {
    return this.#items.subarray(0, this.#length);
  }
}
