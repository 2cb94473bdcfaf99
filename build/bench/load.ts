import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';

import { makeLabels, type Labels } from '../../server/src/model/labels.ts';

// What Mattermost app nodes expose, made up: nine tenths of the series belong to histograms, and
// from one scrape to the next about a third of the values change.

const BUCKETS = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10'];
/** Buckets, `+Inf`, sum and count. */
const HISTOGRAM_SERIES = BUCKETS.length + 3;
const SHARE_OF_HISTOGRAMS = 0.92;

/** How a group of neighbouring series moves. */
interface Group {
  readonly kind: 'histogram' | 'counter' | 'gauge';
  readonly first: number;
  /** Chance that a scrape finds it changed. */
  readonly chance: number;
  /** Observations or increments a scrape, or the gauge's middle. */
  readonly rate: number;
  /** Share of a histogram's observations in each bucket and those below it. */
  readonly shares: readonly number[];
}

/** One app node: its series, and their values at the newest scrape. */
export class TargetLoad {
  readonly series: readonly Labels[];
  readonly values: Float64Array;
  readonly #groups: Group[] = [];
  readonly #random: () => number;

  /** @param node number of the node; nodes have the same metrics and move on their own */
  constructor(node: number, seriesCount: number) {
    this.#random = mulberry32(1000 + node);
    this.values = new Float64Array(seriesCount);
    const instance = `10.0.${node >> 8}.${node & 255}:8067`;
    // What is busy on one node is busy on all of them.
    const layout = mulberry32(42);
    const series: Labels[] = [];
    const add = (pairs: readonly (readonly [string, string])[]): void => {
      series.push(makeLabels([...pairs, ['instance', instance], ['job', 'prometheus']]));
    };
    const histograms = Math.floor((seriesCount * SHARE_OF_HISTOGRAMS) / HISTOGRAM_SERIES);
    for (let i = 0; i < histograms; i++) this.#addHistogram(i, add, layout);
    for (let i = 0; series.length < seriesCount; i++)
      this.#addSingle(i, series.length, add, layout);
    this.series = series;
  }

  /** Goes to the next scrape. */
  step(): void {
    for (const group of this.#groups) {
      if (group.chance < 1 && this.#random() >= group.chance) continue;
      if (group.kind === 'histogram') this.#observe(group);
      else if (group.kind === 'counter') this.#count(group);
      else this.#wander(group);
    }
  }

  #addHistogram(index: number, add: (pairs: [string, string][]) => void, layout: () => number) {
    const isApi = index % 2 === 0;
    const name = isApi ? 'mattermost_api_time' : 'mattermost_db_store_time';
    const labels: [string, string][] = isApi
      ? [
          ['handler', `${['get', 'create', 'update', 'search'][index % 4]}Thing${index >> 1}`],
          ['method', ['GET', 'POST', 'PUT'][index % 3] ?? 'GET'],
          ['status_code', index % 5 === 0 ? '404' : '200'],
        ]
      : [
          ['method', `ChannelStore.Get${index >> 1}`],
          ['success', index % 7 === 1 ? 'false' : 'true'],
        ];
    const first = index * HISTOGRAM_SERIES;
    const mean = 0.002 + 0.2 * layout() ** 3;
    const shares = [...BUCKETS, 'Infinity'].map(
      (le) => 1 - Math.exp(-((Number(le) / mean) ** 0.8)),
    );
    const chance = activity(layout);
    const rate = chance === 1 ? 3 + 40 * layout() ** 3 : 1 + 2 * layout();
    const total = Math.floor(this.#random() * (chance === 1 ? 4e6 : 1e5));
    for (const [i, le] of [...BUCKETS, '+Inf'].entries()) {
      add([['__name__', `${name}_bucket`], ...labels, ['le', le]]);
      this.values[first + i] = Math.floor(total * (shares[i] ?? 1));
    }
    add([['__name__', `${name}_sum`], ...labels]);
    add([['__name__', `${name}_count`], ...labels]);
    this.values[first + HISTOGRAM_SERIES - 2] = total * mean;
    this.values[first + HISTOGRAM_SERIES - 1] = total;
    this.#groups.push({ kind: 'histogram', first, chance, rate, shares });
  }

  #addSingle(
    index: number,
    first: number,
    add: (pairs: [string, string][]) => void,
    layout: () => number,
  ): void {
    const kind = index % 3 === 0 ? 'gauge' : 'counter';
    const family = `mattermost_${kind === 'gauge' ? 'state' : 'events'}_${index % 20}`;
    add([
      ['__name__', kind === 'gauge' ? family : `${family}_total`],
      ['name', `thing ${index}`],
    ]);
    const rate = kind === 'gauge' ? 10 ** (1 + 8 * layout()) : 1 + 200 * layout();
    this.values[first] = Math.floor(rate * (1 + this.#random()));
    // One in five is a constant: versions, limits, start times.
    if (layout() < 0.2) return;
    this.#groups.push({ kind, first, chance: activity(layout), rate, shares: [] });
  }

  #observe({ first, rate, shares }: Group): void {
    const { values } = this;
    const observations = Math.max(1, Math.round(rate * (0.5 + this.#random())));
    for (let i = 0; i < observations; i++) {
      const place = this.#random();
      for (let b = shares.length - 1; b >= 0 && place <= (shares[b] ?? 0); b--) {
        values[first + b] = (values[first + b] ?? 0) + 1;
      }
      const sum = first + HISTOGRAM_SERIES - 2;
      values[sum] = (values[sum] ?? 0) + 0.001 * (0.2 - Math.log(1 - place));
    }
    const count = first + HISTOGRAM_SERIES - 1;
    values[count] = (values[count] ?? 0) + observations;
  }

  #count({ first, rate }: Group): void {
    const step = Math.max(1, Math.round(rate * (0.4 + 1.2 * this.#random())));
    this.values[first] = (this.values[first] ?? 0) + step;
  }

  #wander({ first, rate }: Group): void {
    const value = this.values[first] ?? 0;
    const moved = value + rate * 0.02 * (this.#random() + this.#random() - 1);
    this.values[first] = first % 4 === 0 ? moved : Math.round(moved);
  }
}

/** A quarter moves at every scrape, a quarter at some, the rest seldom. */
function activity(layout: () => number): number {
  const place = layout();
  if (place < 0.3) return 1;
  return place < 0.55 ? 0.2 + 0.5 * layout() : 0.01 + 0.03 * layout();
}

export interface LoadShape {
  readonly targets: number;
  readonly seriesPerTarget: number;
  readonly scrapes: number;
  readonly intervalMs: number;
  readonly startMs: number;
}

/**
 * Writes the scrapes where both sides read them: `shape.json`; `labels.jsonl`, an object of labels
 * for each series, target by target; and `values.f64`, little-endian doubles, all series of scrape
 * 0 in that order, then those of scrape 1, and so on.
 */
export function writeLoad(dir: string, shape: LoadShape): void {
  const targets = Array.from(
    { length: shape.targets },
    (_, node) => new TargetLoad(node + 1, shape.seriesPerTarget),
  );
  writeFileSync(`${dir}/shape.json`, JSON.stringify(shape));
  const lines = targets.flatMap(({ series }) =>
    series.map((labels) =>
      JSON.stringify(Object.fromEntries(labels.map(({ name, value }) => [name, value]))),
    ),
  );
  writeFileSync(`${dir}/labels.jsonl`, `${lines.join('\n')}\n`);
  const file = openSync(`${dir}/values.f64`, 'w');
  for (let scrape = 0; scrape < shape.scrapes; scrape++) {
    for (const target of targets) {
      writeSync(file, new Uint8Array(target.values.buffer));
      target.step();
    }
  }
  closeSync(file);
}

/** Small, fast, and the same everywhere; values from 0 to 1. */
function mulberry32(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
