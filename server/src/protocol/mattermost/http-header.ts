/** Header fields of a request or response. Names compare without case, and are sent as Go has them. */
export class HttpHeader {
  readonly #fields: Map<string, string[]>;
  #changes = 0;

  constructor(fields: Iterable<readonly [string, string[]]> = []) {
    this.#fields = new Map();
    for (const [name, values] of fields) this.#fields.set(canonicalName(name), [...values]);
  }

  /** The first value, or undefined. */
  get(name: string): string | undefined {
    return this.#fields.get(canonicalName(name))?.[0];
  }

  getAll(name: string): readonly string[] {
    return this.#fields.get(canonicalName(name)) ?? [];
  }

  /** Replaces all values of the field. */
  set(name: string, value: string): void {
    this.#fields.set(canonicalName(name), [value]);
    this.#changes++;
  }

  append(name: string, value: string): void {
    this.#fields.set(canonicalName(name), [...this.getAll(name), value]);
    this.#changes++;
  }

  delete(name: string): void {
    this.#fields.delete(canonicalName(name));
    this.#changes++;
  }

  entries(): IterableIterator<[string, string[]]> {
    return this.#fields.entries();
  }

  /** Grows with each change. */
  get changeCount(): number {
    return this.#changes;
  }

  /** A copy of the fields as Go's `http.Header`. */
  toMap(): Map<string, string[]> {
    return new Map([...this.#fields].map(([name, values]) => [name, [...values]]));
  }
}

/** The form in which Go keeps names of fields: `Content-Type`. */
export function canonicalName(name: string): string {
  return name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join('-');
}
