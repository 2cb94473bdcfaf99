import type { Clock } from '../../base/clock.ts';
import { numberField, readFields, textField } from './json-row.ts';

/** The part of the server's key-value store that the rows need. */
export interface HeldBackKeyValueStore {
  get(key: string): Promise<Uint8Array | undefined>;
  setFor(key: string, value: Uint8Array, seconds: number): Promise<void>;
  delete(key: string): Promise<void>;
  keys(prefix: string): Promise<string[]>;
}

/** Samples that are on the disk of one node and nowhere else. */
export interface HeldBackSamples {
  readonly node: string;
  /** Since when it has collected them, Unix milliseconds. */
  readonly sinceMs: number;
}

const PREFIX = 'held_back_';
/** As long as a node keeps blocks on its disk. */
const ROW_SECONDS = 3 * 24 * 60 * 60;
/** How often the row of a node that scrapes on and on is renewed. */
const RENEW_MS = 60 * 60 * 1000;

/**
 * Each node that scrapes says so in a row that outlives its process, and takes it away once all that
 * it has collected is in the file store: so a dump can tell what a node that is away still has.
 */
export class HeldBack {
  readonly #kv: HeldBackKeyValueStore;
  readonly #clock: Clock;
  readonly #node: () => string;
  #writtenMs = -Infinity;
  /** Whether the row may be there, from this process or from an earlier one. */
  #mayExist = true;

  constructor(kv: HeldBackKeyValueStore, clock: Clock, node: () => string) {
    this.#kv = kv;
    this.#clock = clock;
    this.#node = node;
  }

  /** This node collects samples. Cheap to call often. */
  async mark(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#writtenMs < RENEW_MS) return;
    const key = PREFIX + this.#node();
    const since = numberField(readFields(await this.#kv.get(key)), 'since_ms');
    const row = { node: this.#node(), since_ms: since || this.#clock.nowMs() };
    this.#mayExist = true;
    await this.#kv.setFor(key, new TextEncoder().encode(JSON.stringify(row)), ROW_SECONDS);
    this.#writtenMs = nowMs;
  }

  /** All that this node has collected is in the file store. Cheap to call often. */
  async clear(): Promise<void> {
    if (!this.#mayExist) return;
    await this.#kv.delete(PREFIX + this.#node());
    this.#mayExist = false;
    this.#writtenMs = -Infinity;
  }

  /** What all nodes hold back. */
  async list(): Promise<HeldBackSamples[]> {
    const keys = await this.#kv.keys(PREFIX);
    const rows = await Promise.all(keys.map((key) => this.#kv.get(key)));
    return rows
      .map((row) => readFields(row))
      .filter((fields) => textField(fields, 'node') !== '')
      .map((fields) => ({
        node: textField(fields, 'node'),
        sinceMs: numberField(fields, 'since_ms'),
      }));
  }
}
