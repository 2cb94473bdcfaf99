import { Random } from '../../../server/test/kits/random.ts';

const BUCKETS = [
  '0.005',
  '0.01',
  '0.025',
  '0.05',
  '0.1',
  '0.25',
  '0.5',
  '1',
  '2.5',
  '5',
  '10',
  '+Inf',
];
const ROUTES = [
  'createPost',
  'getChannelMembersForTeamForUser',
  'getPostsForChannel',
  'viewChannel',
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
/** A histogram's observations, its sum and its count. */
const HISTOGRAM_SERIES = BUCKETS.length + 2;
/** Share of the series that are in histograms, as in an application server. */
const HISTOGRAM_SHARE = 0.85;
/** Chances that something happened between two scrapes: 36 % of all values change. */
const HISTOGRAM_ACTIVE = 0.41;
const OTHERS_ACTIVE = 0.45;

/** The metrics page of one application server. Each `advance` is the time between two scrapes. */
export class AppNode {
  readonly seriesCount: number;
  readonly #random: Random;
  /** Each line up to its value; HELP and TYPE go with the first line of a family. */
  readonly #prefixes: string[] = [];
  readonly #values: number[] = [];
  readonly #lines: string[] = [];
  readonly #histograms: number[] = [];
  readonly #counters: number[] = [];
  readonly #gauges: number[] = [];

  constructor(seriesCount: number, seed: number) {
    this.seriesCount = seriesCount;
    this.#random = new Random(seed);
    const histograms = Math.floor((seriesCount * HISTOGRAM_SHARE) / HISTOGRAM_SERIES);
    for (let i = 0; i < histograms; i++) this.#addHistogram(i);
    const counters = Math.floor((seriesCount - this.#values.length) * 0.7);
    for (let i = 0; i < counters; i++) this.#addCounter(i);
    for (let i = 0; this.#values.length < seriesCount; i++) this.#addGauge(i);
    for (let i = 0; i < seriesCount; i++) this.#render(i);
  }

  body(): Buffer {
    return Buffer.from(`${this.#lines.join('\n')}\n`);
  }

  advance(): void {
    for (const first of this.#histograms) {
      if (this.#random.next() < HISTOGRAM_ACTIVE) this.#observe(first);
    }
    for (const index of this.#counters) {
      if (this.#random.next() < OTHERS_ACTIVE)
        this.#set(index, this.#values[index] + 1 + this.#random.int(30));
    }
    for (const index of this.#gauges) {
      if (this.#random.next() < OTHERS_ACTIVE) this.#set(index, this.#random.next() * 1e9);
    }
  }

  #observe(first: number): void {
    const count = 1 + this.#random.int(4);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const bucket = Math.min(this.#random.int(BUCKETS.length), this.#random.int(BUCKETS.length));
      for (let at = bucket; at < BUCKETS.length; at++) this.#values[first + at]++;
      sum += 0.005 * 2 ** bucket * (0.5 + this.#random.next());
    }
    for (let at = 0; at < BUCKETS.length; at++) this.#render(first + at);
    this.#set(first + BUCKETS.length, this.#values[first + BUCKETS.length] + sum);
    this.#set(first + BUCKETS.length + 1, this.#values[first + BUCKETS.length + 1] + count);
  }

  #addHistogram(index: number): void {
    const [name, labels] =
      index % 2 === 0
        ? [
            'mattermost_api_time',
            `handler="${ROUTES[index % 4]}${index >> 1}",method="${METHODS[index % 4]}",status_code="200"`,
          ]
        : [
            'mattermost_db_store_time',
            `method="ChannelStore.GetMember${index >> 1}",success="true"`,
          ];
    const meta = index < 2 ? `# HELP ${name} Time to execute.\n# TYPE ${name} histogram\n` : '';
    this.#histograms.push(this.#values.length);
    BUCKETS.forEach((le, at) =>
      this.#add(`${at === 0 ? meta : ''}${name}_bucket{${labels},le="${le}"} `, 0),
    );
    this.#add(`${name}_sum{${labels}} `, 0);
    this.#add(`${name}_count{${labels}} `, 0);
    // Some routes have seen a handful of requests, others tens of millions.
    const past = 10 ** (this.#random.next() * 7.5);
    const first = this.#values.length - HISTOGRAM_SERIES;
    BUCKETS.forEach((_, at) => (this.#values[first + at] = Math.floor((past * (at + 1)) / 12)));
    this.#values[first + BUCKETS.length] = past * this.#random.next();
    this.#values[first + BUCKETS.length + 1] = Math.floor(past);
  }

  #addCounter(index: number): void {
    const name = `mattermost_cache_events_${index >> 3}_total`;
    const meta =
      index % 8 === 0 ? `# HELP ${name} Number of cache events.\n# TYPE ${name} counter\n` : '';
    this.#counters.push(this.#values.length);
    this.#add(
      `${meta}${name}{event="kind_${index % 8}",cache="Channel By Name"} `,
      this.#random.int(1e6),
    );
  }

  #addGauge(index: number): void {
    const name = `process_state_${index}_bytes`;
    this.#gauges.push(this.#values.length);
    this.#add(
      `# HELP ${name} State of the process.\n# TYPE ${name} gauge\n${name} `,
      this.#random.next() * 1e9,
    );
  }

  #add(prefix: string, value: number): void {
    this.#prefixes.push(prefix);
    this.#values.push(value);
  }

  #set(index: number, value: number): void {
    this.#values[index] = value;
    this.#render(index);
  }

  #render(index: number): void {
    this.#lines[index] = this.#prefixes[index] + goFloat(this.#values[index]);
  }
}

/** A number as Go's exporters write it: with an exponent from 1e+06 on, and below 1e-04. */
function goFloat(value: number): string {
  if (value === 0 || (value < 1e6 && value >= 1e-4)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
