import { sameBytes, viewOf } from '../base/bytes/same-bytes.ts';

const NONE = -1;

/**
 * Series by the text that stands for them, each with the one that came behind it last time: a text
 * file mostly repeats the order of the scrape before, or the series of the line before.
 */
export class KnownSeries {
  /** The texts one behind the other. */
  #bytes = new Uint8Array(64 * 1024);
  /** A view of them, replaced when they grow. */
  texts = viewOf(this.#bytes);
  #ends = new Int32Array(1024);
  #numbers = new Int32Array(1024);
  #followers = new Int32Array(1024);
  #count = 0;
  /** Open addressing: entry + 1. */
  #buckets = new Int32Array(4096);

  start(entry: number): number {
    return entry === 0 ? 0 : this.#ends[entry - 1];
  }

  end(entry: number): number {
    return this.#ends[entry];
  }

  /** What `add` was given. */
  number(entry: number): number {
    return this.#numbers[entry];
  }

  /** The entry that came behind this one last; at first the entry itself. */
  follower(entry: number): number {
    return this.#followers[entry];
  }

  setFollower(entry: number, follower: number): void {
    this.#followers[entry] = follower;
  }

  /** The entry of the text `bytes[start, end)`; -1 when there is none. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const view = viewOf(bytes);
    const mask = this.#buckets.length - 1;
    for (let at = hashOf(bytes, start, end) & mask; ; at = (at + 1) & mask) {
      const entry = this.#buckets[at] - 1;
      if (entry === NONE || this.#isText(entry, view, start, end)) return entry;
    }
  }

  /** Adds a text that `find` did not find. */
  add(bytes: Uint8Array, start: number, end: number, number: number): number {
    const entry = this.#count++;
    if (entry === this.#ends.length) {
      this.#ends = doubled(this.#ends);
      this.#numbers = doubled(this.#numbers);
      this.#followers = doubled(this.#followers);
    }
    const textStart = this.start(entry);
    const textEnd = textStart + (end - start);
    if (textEnd > this.#bytes.length) {
      const grown = new Uint8Array(textEnd * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.texts = viewOf(grown);
    }
    this.#bytes.set(bytes.subarray(start, end), textStart);
    this.#ends[entry] = textEnd;
    this.#numbers[entry] = number;
    this.#followers[entry] = entry;
    if (this.#count * 2 > this.#buckets.length) this.#rebuild();
    else this.#insert(entry);
    return entry;
  }

  #isText(entry: number, text: DataView, start: number, end: number): boolean {
    const from = this.start(entry);
    const length = end - start;
    return this.#ends[entry] - from === length && sameBytes(this.texts, from, text, start, length);
  }

  #rebuild(): void {
    this.#buckets = new Int32Array(this.#buckets.length * 2);
    for (let entry = 0; entry < this.#count; entry++) this.#insert(entry);
  }

  #insert(entry: number): void {
    const mask = this.#buckets.length - 1;
    let at = hashOf(this.#bytes, this.start(entry), this.#ends[entry]) & mask;
    while (this.#buckets[at] !== 0) at = (at + 1) & mask;
    this.#buckets[at] = entry + 1;
  }
}

function doubled(items: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(items.length * 2);
  grown.set(items);
  return grown;
}

/** FNV-1a, with a last mix so that the low bits depend on all bytes. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
