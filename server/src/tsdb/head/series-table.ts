import { assert, CodedError } from '../../base/errors.ts';
import type { Label, Labels } from '../../model/labels.ts';
import { XOR_LAST_TIME } from '../chunkenc/xor-encoder.ts';
import { SERIES_REF_MAX } from '../limits.ts';
import type { SeriesShares } from './series-shares.ts';
import { SymbolTable } from './symbol-table.ts';

// All series of the head. What a series is made of lies in two typed arrays over the same memory,
// one record per slot, so that a million series cost the garbage collector nothing.

/** Length of a record in doubles; it begins with the XOR state (see chunkenc/xor-encoder.ts). */
export const RECORD_DOUBLES = 12;
/** Fields, as offsets in doubles. The open chunk's first sample: */
export const OPEN_MIN_TIME = 5;
/** A sample at or after this time begins a new chunk. */
export const NEXT_CHUNK_AT = 6;
/** Place of the newest closed chunk. */
export const CLOSED_CHUNK = 7;
/** Fields, as offsets in int32s. Place of the open chunk's memory, and its size class: */
export const OPEN_PLACE = 16;
export const OPEN_SIZE = 17;
export const SERIES_REF = 18;
const LABELS_AT = 19;
const LABEL_COUNT = 20;
const LABELS_HASH = 21;
/** Position of the series' newest sample among those of an appender. */
export const PENDING_AT = 22;
/** Number of samples in appenders: while there are some the series stays. */
export const PENDING_COUNT = 23;

export const NO_PLACE = -1;
const EMPTY = 0;
const DELETED = -1;
const REF_PAGE_BITS = 12;
const REF_PAGE = 1 << REF_PAGE_BITS;

export class SeriesTable {
  /** Records; replaced when the table grows, so callers take them anew after each call here. */
  doubles = new Float64Array(RECORD_DOUBLES * 1024);
  ints = new Int32Array(this.doubles.buffer);
  readonly symbols = new SymbolTable();
  readonly #seriesMax: number;
  readonly #shares: SeriesShares | undefined;
  #slotEnd = 0;
  #count = 0;
  readonly #freeSlots: number[] = [];
  /** Slot + 1 by reference, in pages. */
  readonly #refPages: (Int32Array | undefined)[] = [];
  #lastRef = 0;
  /** Open addressing: slot + 1. */
  #buckets = new Int32Array(4096);
  #bucketsUsed = 0;
  /** Symbol numbers of all label sets; places of series that left are closed by `compact`. */
  #labelWords = new Int32Array(16 * 1024);
  #labelWordsEnd = 0;
  #labelWordsFree = 0;
  #scratch = new Int32Array(64);
  /** The labels whose symbols `#scratch` holds, all of them known. */
  #scratchLabels: Labels | undefined;

  /** @param shares of targets; without them the limit is for whoever comes first */
  constructor(seriesMax: number, shares?: SeriesShares) {
    this.#seriesMax = seriesMax;
    this.#shares = shares;
  }

  get count(): number {
    return this.#count;
  }

  /** Slots are numbered from 0; some below this end are empty. */
  get slotEnd(): number {
    return this.#slotEnd;
  }

  get lastRef(): number {
    return this.#lastRef;
  }

  /** New references will be greater than `ref`. */
  reserveRefs(ref: number): void {
    if (ref > this.#lastRef) this.#lastRef = ref;
  }

  /** -1 when no series has the reference. */
  slotOf(ref: number): number {
    const page = this.#refPages[ref >>> REF_PAGE_BITS];
    return page === undefined ? -1 : page[ref & (REF_PAGE - 1)] - 1;
  }

  isUsed(slot: number): boolean {
    return this.ints[slot * RECORD_DOUBLES * 2 + SERIES_REF] !== 0;
  }

  refOf(slot: number): number {
    return this.ints[slot * RECORD_DOUBLES * 2 + SERIES_REF];
  }

  /** The slot of the series with exactly these (sorted) labels; -1 when there is none. */
  find(labels: Labels): number {
    const count = labels.length * 2;
    if (this.#scratch.length < count) this.#scratch = new Int32Array(count * 2);
    const words = this.#scratch;
    this.#scratchLabels = undefined;
    for (let i = 0; i < labels.length; i++) {
      const name = this.symbols.find(labels[i].name);
      const value = this.symbols.find(labels[i].value);
      if (name === undefined || value === undefined) return -1;
      words[2 * i] = name;
      words[2 * i + 1] = value;
    }
    this.#scratchLabels = labels;
    const hash = hashWords(words, 0, count);
    const mask = this.#buckets.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = this.#buckets[at];
      if (entry === EMPTY) return -1;
      if (entry !== DELETED && this.#hasWords(entry - 1, hash, words, count)) return entry - 1;
    }
  }

  /**
   * Adds a series that `find` did not find. `ERR_SERIES_LIMIT` when the table is full,
   * `ERR_SERIES_SHARE` when the series' target has its share; what a log holds is taken all the same.
   * @param ref a reference of an older log, or undefined for a new one
   */
  add(labels: Labels, ref?: number): number {
    if (ref === undefined && this.#count >= this.#seriesMax) {
      throw new CodedError('ERR_SERIES_LIMIT', 'the head has its full number of series', {
        limit: this.#seriesMax,
      });
    }
    if (ref === undefined) this.#shares?.check(labels);
    const newRef = ref ?? this.#lastRef + 1;
    if (newRef > SERIES_REF_MAX) {
      throw new CodedError('ERR_SERIES_LIMIT', 'the references of series are used up', {
        limit: SERIES_REF_MAX,
      });
    }
    this.reserveRefs(newRef);
    const slot = this.#freeSlots.pop() ?? this.#takeSlot();
    const words = this.#storeLabels(labels);
    const at = slot * RECORD_DOUBLES;
    this.doubles.fill(0, at, at + RECORD_DOUBLES);
    this.doubles[at + XOR_LAST_TIME] = -Infinity;
    this.doubles[at + CLOSED_CHUNK] = NO_PLACE;
    this.ints[at * 2 + OPEN_PLACE] = NO_PLACE;
    this.ints[at * 2 + SERIES_REF] = newRef;
    this.ints[at * 2 + LABELS_AT] = words;
    this.ints[at * 2 + LABEL_COUNT] = labels.length;
    this.ints[at * 2 + LABELS_HASH] = hashWords(this.#labelWords, words, labels.length * 2);
    this.#count++;
    this.#shares?.add(labels);
    this.#setRef(newRef, slot + 1);
    this.#insertBucket(slot);
    return slot;
  }

  remove(slot: number): void {
    this.#scratchLabels = undefined;
    const at = slot * RECORD_DOUBLES * 2;
    assert(this.ints[at + SERIES_REF] !== 0, 'a series was removed twice');
    this.#deleteBucket(slot);
    this.#shares?.remove(this.labels(slot));
    this.#setRef(this.ints[at + SERIES_REF], 0);
    const count = this.ints[at + LABEL_COUNT] * 2;
    const start = this.ints[at + LABELS_AT];
    for (let i = 0; i < count; i++) this.symbols.release(this.#labelWords[start + i]);
    this.#labelWordsFree += count;
    this.ints[at + SERIES_REF] = 0;
    this.#count--;
    this.#freeSlots.push(slot);
  }

  /** Gives back the memory of series that left. Call after removing many. */
  compact(): void {
    for (let index = 0; index < this.#refPages.length; index++) {
      if (this.#refPages[index]?.every((entry) => entry === 0)) this.#refPages[index] = undefined;
    }
    if (this.#labelWordsFree * 2 < this.#labelWordsEnd) return;
    const words = new Int32Array(Math.max(1024, (this.#labelWordsEnd - this.#labelWordsFree) * 2));
    let end = 0;
    for (let slot = 0; slot < this.#slotEnd; slot++) {
      if (!this.isUsed(slot)) continue;
      const piece = this.labelSymbols(slot);
      words.set(piece, end);
      this.ints[slot * RECORD_DOUBLES * 2 + LABELS_AT] = end;
      end += piece.length;
    }
    this.#labelWords = words;
    this.#labelWordsEnd = end;
    this.#labelWordsFree = 0;
  }

  /** Symbol numbers of name and value in turn; a view that the next change may invalidate. */
  labelSymbols(slot: number): Int32Array {
    const at = slot * RECORD_DOUBLES * 2;
    const start = this.ints[at + LABELS_AT];
    return this.#labelWords.subarray(start, start + this.ints[at + LABEL_COUNT] * 2);
  }

  labels(slot: number): Labels {
    const words = this.labelSymbols(slot);
    const labels: Label[] = [];
    for (let i = 0; i < words.length; i += 2) {
      labels.push({ name: this.symbols.text(words[i]), value: this.symbols.text(words[i + 1]) });
    }
    return labels;
  }

  #takeSlot(): number {
    const slot = this.#slotEnd++;
    if (this.#slotEnd * RECORD_DOUBLES > this.doubles.length) {
      const grown = new Float64Array(this.doubles.length * 2);
      grown.set(this.doubles);
      this.doubles = grown;
      this.ints = new Int32Array(grown.buffer);
    }
    return slot;
  }

  #storeLabels(labels: Labels): number {
    const start = this.#labelWordsEnd;
    const end = start + labels.length * 2;
    if (end > this.#labelWords.length) {
      const grown = new Int32Array(Math.max(end, this.#labelWords.length * 2));
      grown.set(this.#labelWords.subarray(0, start));
      this.#labelWords = grown;
    }
    this.#labelWordsEnd = end;
    // Mostly the labels were looked for just now, and their texts are those of other series.
    if (labels === this.#scratchLabels) {
      this.#scratchLabels = undefined;
      for (let at = start; at < end; at++) {
        const id = this.#scratch[at - start];
        this.symbols.retainId(id);
        this.#labelWords[at] = id;
      }
      return start;
    }
    for (let i = 0; i < labels.length; i++) {
      this.#labelWords[start + 2 * i] = this.symbols.retain(labels[i].name);
      this.#labelWords[start + 2 * i + 1] = this.symbols.retain(labels[i].value);
    }
    return start;
  }

  #setRef(ref: number, value: number): void {
    const index = ref >>> REF_PAGE_BITS;
    while (this.#refPages.length <= index) this.#refPages.push(undefined);
    const page = (this.#refPages[index] ??= new Int32Array(REF_PAGE));
    page[ref & (REF_PAGE - 1)] = value;
  }

  #hasWords(slot: number, hash: number, words: Int32Array, count: number): boolean {
    const at = slot * RECORD_DOUBLES * 2;
    if (this.ints[at + LABELS_HASH] !== hash || this.ints[at + LABEL_COUNT] * 2 !== count) {
      return false;
    }
    const start = this.ints[at + LABELS_AT];
    for (let i = 0; i < count; i++) if (this.#labelWords[start + i] !== words[i]) return false;
    return true;
  }

  #insertBucket(slot: number): void {
    if (++this.#bucketsUsed * 2 > this.#buckets.length) {
      this.#rebuildBuckets();
      return;
    }
    const mask = this.#buckets.length - 1;
    let at = this.ints[slot * RECORD_DOUBLES * 2 + LABELS_HASH] & mask;
    while (this.#buckets[at] !== EMPTY) at = (at + 1) & mask;
    this.#buckets[at] = slot + 1;
  }

  #deleteBucket(slot: number): void {
    const mask = this.#buckets.length - 1;
    let at = this.ints[slot * RECORD_DOUBLES * 2 + LABELS_HASH] & mask;
    while (this.#buckets[at] !== slot + 1) at = (at + 1) & mask;
    this.#buckets[at] = DELETED;
  }

  #rebuildBuckets(): void {
    let size = 4096;
    while (size < this.#count * 4) size *= 2;
    this.#buckets = new Int32Array(size);
    this.#bucketsUsed = 0;
    const mask = size - 1;
    for (let slot = 0; slot < this.#slotEnd; slot++) {
      if (!this.isUsed(slot)) continue;
      let at = this.ints[slot * RECORD_DOUBLES * 2 + LABELS_HASH] & mask;
      while (this.#buckets[at] !== EMPTY) at = (at + 1) & mask;
      this.#buckets[at] = slot + 1;
      this.#bucketsUsed++;
    }
  }
}

/** FNV-1a over whole words, with a last mix so that the low bits depend on all of them. */
function hashWords(words: Int32Array, start: number, count: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < count; i++) hash = Math.imul(hash ^ words[start + i], 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
