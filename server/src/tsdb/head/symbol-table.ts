/**
 * Texts of label names and values, each kept once and known by a number. Counted: a number whose
 * last user left is given to another text.
 */
export class SymbolTable {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #free: number[] = [];
  #uses = new Int32Array(1024);

  /** Upper end of all numbers in use. */
  get idEnd(): number {
    return this.#texts.length;
  }

  /** undefined when no series uses the text. */
  find(text: string): number | undefined {
    return this.#ids.get(text);
  }

  text(id: number): string {
    return this.#texts[id];
  }

  /** How many labels the text is a name or value of. */
  uses(id: number): number {
    return this.#uses[id];
  }

  /** Adds a use of the text. */
  retain(text: string): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#free.pop() ?? this.#texts.length;
      this.#texts[id] = text;
      this.#ids.set(text, id);
      if (id >= this.#uses.length) {
        const grown = new Int32Array(this.#uses.length * 2);
        grown.set(this.#uses);
        this.#uses = grown;
      }
    }
    this.#uses[id]++;
    return id;
  }

  /** Adds a use of a text that is used already. */
  retainId(id: number): void {
    this.#uses[id]++;
  }

  release(id: number): void {
    if (--this.#uses[id] > 0) return;
    this.#ids.delete(this.#texts[id]);
    this.#texts[id] = '';
    this.#free.push(id);
  }
}
