/** A small seeded generator for tests (mulberry32): the same seed gives the same numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 (included) to 1 (excluded). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer from 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)];
  }
}

/** The seed of this run: `FUZZ_SEED`, or a new one; tests print it. */
export function fuzzSeed(): number {
  const given = process.env.FUZZ_SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** How long a fuzz test runs: `FUZZ_SECONDS`, or the short time of an ordinary test run. */
export function fuzzMs(shortMs: number): number {
  const seconds = process.env.FUZZ_SECONDS;
  return seconds === undefined ? shortMs : Number(seconds) * 1000;
}
