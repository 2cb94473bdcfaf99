import { viewOf } from '../../base/bytes/same-bytes.ts';
import type { SeriesRef } from '../../storage/appender.ts';
import { keyedHash } from './key-hash.ts';

/** Entry number that means "none"; entry 0 stands for the beginning of a scrape. */
export const NO_ENTRY = 0;

/** In place of the ref of a series that is not to be stored. */
export const DROPPED: SeriesRef = 2 ** 32 - 1;

const FIRST_CAPACITY = 64;
const KEY_BYTES_MIN = 4096;
/** So many forgotten series are kept for free; more than that and than half of all are swept out. */
const FORGOTTEN_MIN = 1000;

/** An entry was appended in the scrape under way / in the last one that was stored. */
const IN_CURRENT = 1;
const IN_STORED = 2;

/**
 * What one target's last scrapes taught us: the text of each series (`name{…}` as the exporter
 * writes it) with its ref in storage, the order in which they came, and which of them storage
 * believes alive. Entries are numbers; their text lies in one array, nothing is an object.
 *
 * A scrape calls `begin`, then `follow` for each sample, and ends in `stored` or `abandon`.
 */
export class SeriesCache {
  /** Texts of all series, one behind the other; entry e has `keys[starts[e], ends[e])`. */
  keys: Uint8Array = new Uint8Array(KEY_BYTES_MIN);
  /** Of all of {@link keys}. */
  keyView = viewOf(this.keys);
  starts = new Uint32Array(FIRST_CAPACITY);
  ends = new Uint32Array(FIRST_CAPACITY);
  /** Refs in storage. */
  refs = new Uint32Array(FIRST_CAPACITY);

  readonly #keyLo: number;
  readonly #keyHi: number;
  #hashes = new Int32Array(FIRST_CAPACITY);
  /** The entry that came after this one when it was last seen. */
  #followers = new Uint32Array(FIRST_CAPACITY);
  /** The round in which an entry was last seen. */
  #seen = new Float64Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  /** Open addressing with linear probing; half full at most. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2);
  #count = 1;
  #last = NO_ENTRY;
  /** Counts the scrapes that had samples and were stored. */
  #round = 2;
  #countAtStored = 1;

  constructor(random: () => number = Math.random) {
    this.#keyLo = Math.floor(random() * 2 ** 32) | 0;
    this.#keyHi = Math.floor(random() * 2 ** 32) | 0;
  }

  /** How many series are remembered, forgotten ones that were not swept out yet included. */
  get size(): number {
    return this.#count - 1;
  }

  /** Entry that should come next, judging by the last scrape; `NO_ENTRY` without a guess. */
  get expected(): number {
    return this.#followers[this.#last];
  }

  begin(): void {
    this.#last = NO_ENTRY;
  }

  /** The entry of the series written as `bytes[start, end)`, or `NO_ENTRY`. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = keyedHash(bytes, start, end, this.#keyLo, this.#keyHi);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === NO_ENTRY) return NO_ENTRY;
      if (this.#hashes[entry] === hash && this.#isKey(entry, bytes, start, end)) return entry;
    }
  }

  /** Adds a series that {@link find} does not know. */
  add(bytes: Uint8Array, start: number, end: number, ref: SeriesRef): number {
    if (this.#count === this.refs.length) this.#growEntries();
    const entry = this.#count++;
    const previousEnd = this.ends[entry - 1];
    this.#reserveKeys(previousEnd + (end - start));
    this.keys.set(bytes.subarray(start, end), previousEnd);
    this.starts[entry] = previousEnd;
    this.ends[entry] = previousEnd + (end - start);
    this.refs[entry] = ref;
    this.#seen[entry] = 0;
    this.#flags[entry] = 0;
    this.#followers[entry] = NO_ENTRY;
    this.#hashes[entry] = keyedHash(bytes, start, end, this.#keyLo, this.#keyHi);
    if (this.#count * 2 > this.#slots.length) this.#rehash(this.#slots.length * 2);
    else this.#place(entry);
    return entry;
  }

  /**
   * Notes that `entry` came next. True when it is new to storage as far as this target goes: not in
   * the last stored scrape, nor in a failed one since.
   */
  follow(entry: number): boolean {
    this.#followers[this.#last] = entry;
    this.#last = entry;
    const isNew = this.#seen[entry] < this.#round - 1;
    this.#seen[entry] = this.#round;
    return isNew;
  }

  /** Storage took nothing of a new entry: it is still new when it comes next. */
  keepNew(entry: number): void {
    this.#seen[entry] = 0;
  }

  /** The entry's sample went to storage with the time of the scrape: it is alive. */
  markAlive(entry: number): void {
    this.#flags[entry] |= IN_CURRENT;
  }

  /**
   * Entries alive in the last stored scrape and not in this one. A series that only changed the way
   * it is written (the order of its labels) is not among them.
   */
  vanished(): number[] {
    const gone: number[] = [];
    for (let entry = 1; entry < this.#count; entry++) {
      if (this.#flags[entry] === IN_STORED) gone.push(entry);
    }
    if (gone.length === 0) return gone;
    const alive = new Set<SeriesRef>();
    for (let entry = 1; entry < this.#count; entry++) {
      if ((this.#flags[entry] & IN_CURRENT) !== 0) alive.add(this.refs[entry]);
    }
    return alive.size === 0 ? gone : gone.filter((entry) => !alive.has(this.refs[entry]));
  }

  /** The scrape is in storage. Without samples (a failed one) it teaches nothing about texts. */
  stored(hasSamples: boolean): void {
    for (let entry = 1; entry < this.#count; entry++) {
      this.#flags[entry] = (this.#flags[entry] & IN_CURRENT) === 0 ? 0 : IN_STORED;
    }
    if (!hasSamples) return;
    this.#endRound(FORGOTTEN_MIN);
    this.#countAtStored = this.#count;
  }

  /** The scrape did not reach storage: what was alive there before still is. */
  abandon(): void {
    for (let entry = 1; entry < this.#count; entry++) this.#flags[entry] &= IN_STORED;
    // Failed scrapes with ever new series must not fill the memory.
    if (this.#count > this.#countAtStored * 2 + FORGOTTEN_MIN) this.#endRound(0);
  }

  /** Begins the next round; sweeps when more than `spare` entries were not seen in this one. */
  #endRound(spare: number): void {
    let live = 1;
    for (let entry = 1; entry < this.#count; entry++) {
      if (this.#isKept(entry)) live++;
    }
    const forgotten = this.#count - live;
    if (forgotten > spare && (spare === 0 || forgotten > live)) this.#sweep(live);
    this.#round++;
  }

  #isKept(entry: number): boolean {
    return this.#seen[entry] === this.#round || this.#flags[entry] !== 0;
  }

  /** Keeps the entries of this round and those alive in storage, renumbered, in the same order. */
  #sweep(live: number): void {
    const renumbered = new Uint32Array(this.#count);
    let capacity = FIRST_CAPACITY;
    while (capacity < live) capacity *= 2;
    const old = { keys: this.keys, starts: this.starts, ends: this.ends, count: this.#count };
    const [refs, hashes, seen] = [this.refs, this.#hashes, this.#seen];
    const [flags, followers] = [this.#flags, this.#followers];
    const kept: number[] = [];
    let keyBytes = 0;
    for (let entry = 1; entry < old.count; entry++) {
      if (!this.#isKept(entry)) continue;
      renumbered[entry] = kept.push(entry);
      keyBytes += old.ends[entry] - old.starts[entry];
    }
    this.#allocate(capacity, keyBytes);
    this.#followers[0] = renumbered[followers[0]];
    for (const entry of kept) {
      const target = this.#count++;
      const start = this.ends[target - 1];
      this.keys.set(old.keys.subarray(old.starts[entry], old.ends[entry]), start);
      this.starts[target] = start;
      this.ends[target] = start + old.ends[entry] - old.starts[entry];
      this.refs[target] = refs[entry];
      this.#hashes[target] = hashes[entry];
      this.#seen[target] = seen[entry];
      this.#flags[target] = flags[entry];
      this.#followers[target] = renumbered[followers[entry]];
    }
    this.#last = NO_ENTRY;
    this.#rehash(capacity * 2);
  }

  #allocate(capacity: number, keyBytes: number): void {
    this.#setKeys(new Uint8Array(Math.max(keyBytes, KEY_BYTES_MIN)));
    this.starts = new Uint32Array(capacity);
    this.ends = new Uint32Array(capacity);
    this.refs = new Uint32Array(capacity);
    this.#hashes = new Int32Array(capacity);
    this.#followers = new Uint32Array(capacity);
    this.#seen = new Float64Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#count = 1;
  }

  #growEntries(): void {
    const capacity = this.refs.length * 2;
    this.starts = grown(this.starts, new Uint32Array(capacity));
    this.ends = grown(this.ends, new Uint32Array(capacity));
    this.refs = grown(this.refs, new Uint32Array(capacity));
    this.#hashes = grown(this.#hashes, new Int32Array(capacity));
    this.#followers = grown(this.#followers, new Uint32Array(capacity));
    this.#seen = grown(this.#seen, new Float64Array(capacity));
    this.#flags = grown(this.#flags, new Uint8Array(capacity));
  }

  #reserveKeys(length: number): void {
    if (length <= this.keys.length) return;
    this.#setKeys(grown(this.keys, new Uint8Array(Math.max(length, this.keys.length * 2))));
  }

  #setKeys(keys: Uint8Array): void {
    this.keys = keys;
    this.keyView = viewOf(keys);
  }

  #rehash(slotCount: number): void {
    this.#slots = new Uint32Array(slotCount);
    for (let entry = 1; entry < this.#count; entry++) this.#place(entry);
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[entry] & mask;
    while (this.#slots[slot] !== NO_ENTRY) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #isKey(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const keyStart = this.starts[entry];
    if (this.ends[entry] - keyStart !== end - start) return false;
    for (let i = keyStart, at = start; at < end; i++, at++) {
      if (this.keys[i] !== bytes[at]) return false;
    }
    return true;
  }
}

/** `larger` with the contents of `array` at its beginning. */
function grown<T extends { set(from: T): void }>(array: T, larger: T): T {
  larger.set(array);
  return larger;
}
