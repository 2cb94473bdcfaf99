/** Position of a label pair among those that were counted. */
export type Pair = number;

/**
 * Counts label pairs by the numbers of their symbols, in plain arrays: a block may have half a
 * million of them.
 */
export class LabelCounts {
  /** For each name, by its symbol: the pairs of its values, by theirs. */
  readonly #byName = new Map<number, Map<number, Pair>>();
  readonly #names: number[] = [];
  readonly #values: number[] = [];
  readonly #counts: number[] = [];
  readonly #uncoveredMs: number[] = [];
  /** Pair of a value that belongs to one name only, as most do; -1 when there is none yet. */
  readonly #onlyPair: Int32Array;
  entryCount = 0;

  constructor(symbolCount: number) {
    this.#onlyPair = new Int32Array(symbolCount).fill(-1);
  }

  get pairCount(): number {
    return this.#names.length;
  }

  /**
   * @param labelRefs symbols of name and value in turn
   * @param uncoveredMs time of the block in which the series was not there
   */
  add(labelRefs: readonly number[], uncoveredMs: number): void {
    for (let i = 0; i < labelRefs.length; i += 2) {
      const pair = this.#pairOf(labelRefs[i], labelRefs[i + 1]);
      this.#counts[pair]++;
      this.#uncoveredMs[pair] += uncoveredMs;
      this.entryCount++;
    }
  }

  count(pair: Pair): number {
    return this.#counts[pair];
  }

  uncoveredMs(pair: Pair): number {
    return this.#uncoveredMs[pair];
  }

  /** Uncovered time of each name, by its symbol. */
  uncoveredByName(): Map<number, number> {
    const byName = new Map<number, number>();
    for (const [pair, name] of this.#names.entries()) {
      byName.set(name, (byName.get(name) ?? 0) + this.#uncoveredMs[pair]);
    }
    return byName;
  }

  /** The pairs with the highest metric, and all that are equal to the last of them. */
  topPairs(
    limit: number,
    metricOf: (pair: Pair) => number,
  ): { name: number; value: number; metric: number }[] {
    const metrics = Float64Array.from(this.#names, (_, pair) => metricOf(pair));
    const least = metrics.toSorted().at(-Math.min(Math.max(limit, 1), metrics.length)) ?? 0;
    const top: { name: number; value: number; metric: number }[] = [];
    for (const [pair, metric] of metrics.entries()) {
      if (metric >= least) top.push({ name: this.#names[pair], value: this.#values[pair], metric });
    }
    return top;
  }

  #pairOf(name: number, value: number): Pair {
    const only = this.#onlyPair[value];
    if (only >= 0 && this.#names[only] === name) return only;
    let values = this.#byName.get(name);
    if (values === undefined) this.#byName.set(name, (values = new Map<number, Pair>()));
    let pair = values.get(value);
    if (pair === undefined) {
      pair = this.#names.length;
      values.set(value, pair);
      this.#names.push(name);
      this.#values.push(value);
      this.#counts.push(0);
      this.#uncoveredMs.push(0);
      if (only < 0) this.#onlyPair[value] = pair;
    }
    return pair;
  }
}
