/** Waits that double from `firstMs` to `maxMs`, each with up to a quarter of jitter added. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  constructor(firstMs: number, maxMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#random = random;
    this.#nextMs = firstMs;
  }

  /** How long to wait before the next try. */
  nextMs(): number {
    const baseMs = this.#nextMs;
    this.#nextMs = Math.min(baseMs * 2, this.#maxMs);
    return baseMs * (1 + this.#random() / 4);
  }

  /** After a success: the next failure starts from the beginning. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
