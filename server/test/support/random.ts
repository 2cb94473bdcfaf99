/** A seeded generator (mulberry32), so that a failing run can be repeated. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed | 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [0, end). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** The seed from the environment variable SEED, or a new one. Print it with every failure. */
export function seedFromEnvironment(): number {
  const given = process.env.SEED;
  return given === undefined ? Date.now() & 0x7fffffff : Number(given);
}

/** How long to fuzz: FUZZ_SECONDS, or a moment. */
export function fuzzMs(): number {
  return Number(process.env.FUZZ_SECONDS ?? 0.5) * 1000;
}
