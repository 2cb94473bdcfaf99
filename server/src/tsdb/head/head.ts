import type { Clock } from '../../base/clock.ts';
import { assert } from '../../base/errors.ts';
import type { Histogram } from '../../model/histogram.ts';
import type { Labels } from '../../model/labels.ts';
import type { AppendResult, SeriesRef } from '../../storage/appender.ts';
import { CHUNK_XOR, chunkSampleCount } from '../chunkenc/encodings.ts';
import { HistogramChunkBuilder } from '../chunkenc/histogram-chunk.ts';
import {
  appendXor,
  putXorHeader,
  resetXor,
  XOR_LAST_TIME,
  XOR_SAMPLE_BYTES_MAX,
  XOR_SAMPLE_COUNT,
  XOR_VALUE_HI,
  XOR_VALUE_LO,
  xorLength,
} from '../chunkenc/xor-encoder.ts';
import { SampleColumns } from '../record/sample-columns.ts';
import { ClosedChunks, NO_CHUNK, type RestoredChunk } from './closed-chunks.ts';
import { checkLabels } from './check-labels.ts';
import { TIME_MS_MAX } from '../limits.ts';
import { predictChunkEnd } from './chunk-end.ts';
import { HeadTombstones } from './head-tombstones.ts';
import { OpenChunks } from './open-chunks.ts';
import { Pacer } from './pacer.ts';
import type { SeriesShares } from './series-shares.ts';
import {
  CLOSED_CHUNK,
  NEXT_CHUNK_AT,
  NO_PLACE,
  OPEN_MIN_TIME,
  OPEN_PLACE,
  OPEN_SIZE,
  PENDING_COUNT,
  RECORD_DOUBLES,
  SeriesTable,
} from './series-table.ts';

// When chunks are closed: as Prometheus tsdb/head_append.go (appendPreprocessor), so that blocks
// come out the same.
const SAMPLES_PER_CHUNK = 120;
const CHUNK_BYTES_MAX = 1024 - 19;

export interface HeadOptions {
  readonly clock: Clock;
  readonly blockRangeMs: number;
  readonly seriesMax: number;
  readonly shares?: SeriesShares;
}

/**
 * The newest samples, in memory. It knows nothing of files: what is appended here must already be
 * in the log. Samples of one series only move on in time.
 */
export class Head {
  readonly table: SeriesTable;
  readonly open = new OpenChunks();
  readonly closed = new ClosedChunks();
  readonly tombstones = new HeadTombstones();
  /** Open chunks of histograms, by slot; those of floats are in `open`. */
  readonly #histograms = new Map<number, HistogramChunkBuilder>();
  readonly #row = new SampleColumns();
  readonly #clock: Clock;
  readonly #blockRangeMs: number;
  #minTimeMs = Infinity;
  #maxTimeMs = -Infinity;
  /** Of the samples that were appended since the last truncation began. */
  #recentMinTimeMs = Infinity;
  #minValidTimeMs = -TIME_MS_MAX;
  #sampleCount = 0;
  #chunkCount = 0;

  constructor(options: HeadOptions) {
    this.#clock = options.clock;
    this.#blockRangeMs = options.blockRangeMs;
    this.table = new SeriesTable(options.seriesMax, options.shares);
  }

  /** Of all samples; Infinity while there are none. */
  get minTimeMs(): number {
    return this.#minTimeMs;
  }

  /** Of the newest sample; -Infinity while there are none. */
  get maxTimeMs(): number {
    return this.#maxTimeMs;
  }

  get sampleCount(): number {
    return this.#sampleCount;
  }

  get chunkCount(): number {
    return this.#chunkCount;
  }

  get chunkBytes(): number {
    return this.open.sizeBytes + this.closed.sizeBytes;
  }

  /** Samples before this time are out of bounds: they belong to a block. */
  get minValidTimeMs(): number {
    return this.#minValidTimeMs;
  }

  raiseMinValidTime(timeMs: number): void {
    if (timeMs > this.#minValidTimeMs) this.#minValidTimeMs = timeMs;
  }

  /** Lets an empty head take times from `minValidTimeMs` on, after the clock went back. */
  rewind(minValidTimeMs: number): void {
    assert(this.#sampleCount === 0, 'a head with samples was rewound');
    this.#minValidTimeMs = minValidTimeMs;
  }

  /**
   * The slot of the series with these labels, made when new.
   * @param onNew called with the reference of a new series, which the log must learn
   */
  series(labels: Labels, onNew: (ref: SeriesRef) => void): number {
    const found = this.table.find(labels);
    if (found >= 0) return found;
    checkLabels(labels);
    const slot = this.table.add(labels);
    onNew(this.table.refOf(slot));
    return slot;
  }

  /** What `append` would say; changes nothing. */
  check(slot: number, samples: SampleColumns, index: number): AppendResult {
    const timeMs = samples.times[index];
    if (timeMs < this.#minValidTimeMs || timeMs > TIME_MS_MAX) return 'out_of_bounds';
    const at = slot * RECORD_DOUBLES;
    const last = this.table.doubles[at + XOR_LAST_TIME];
    if (timeMs > last) return 'appended';
    if (timeMs < last) return 'out_of_order';
    const ints = this.table.ints;
    // The value behind a chunk that came whole from elsewhere is not known.
    if (ints[at * 2 + OPEN_PLACE] === NO_PLACE) return 'duplicate';
    const isSame =
      ints[at * 2 + XOR_VALUE_HI] === samples.valuesHi[index] &&
      ints[at * 2 + XOR_VALUE_LO] === samples.valuesLo[index];
    return isSame ? 'duplicate' : 'conflict';
  }

  /** Adds the sample at `index` of the columns to a series. */
  append(slot: number, samples: SampleColumns, index: number): AppendResult {
    const result = this.check(slot, samples, index);
    if (result !== 'appended') return result;
    const { doubles, ints } = this.table;
    const { times } = samples;
    const at = slot * RECORD_DOUBLES;
    if (ints[at * 2 + OPEN_PLACE] === NO_PLACE) {
      this.#begin(at, times[index]);
    } else if (this.#isDue(at, times, index)) {
      this.#close(at);
      this.#begin(at, times[index]);
    }

    let place = ints[at * 2 + OPEN_PLACE];
    const size = ints[at * 2 + OPEN_SIZE];
    const length = xorLength(ints, at);
    if (length + XOR_SAMPLE_BYTES_MAX > this.open.roomBytes(size)) {
      place = this.open.grow(place, size, length);
      ints[at * 2 + OPEN_PLACE] = place;
      ints[at * 2 + OPEN_SIZE] = size + 1;
    }
    const hi = samples.valuesHi[index];
    const lo = samples.valuesLo[index];
    const slab = this.open.slab(place);
    appendXor(doubles, ints, at, slab, this.open.base(place), times, index, hi, lo);
    this.#count(times, index);
    return 'appended';
  }

  /** The same for a native histogram, which only logs of Prometheus hold. */
  appendHistogram(slot: number, timeMs: number, histogram: Histogram): AppendResult {
    const time = this.#row.setOnly(timeMs, 0, 0);
    const result = this.check(slot, time, 0);
    if (result !== 'appended') return result;
    const { doubles, ints } = this.table;
    const at = slot * RECORD_DOUBLES;
    if (ints[at * 2 + OPEN_PLACE] !== NO_PLACE) this.#close(at);
    const open = this.#histograms.get(slot);
    const isDue =
      open === undefined ||
      timeMs >= doubles[at + NEXT_CHUNK_AT] ||
      open.sampleCount >= SAMPLES_PER_CHUNK ||
      !open.takes(histogram);
    if (isDue) {
      this.#closeHistograms(at);
      this.#histograms.set(slot, new HistogramChunkBuilder(timeMs, histogram));
      doubles[at + NEXT_CHUNK_AT] = this.#windowEnd(timeMs);
      this.#chunkCount++;
    } else {
      open.append(timeMs, histogram);
    }
    doubles[at + XOR_LAST_TIME] = timeMs;
    this.#count(time.times, 0);
    return 'appended';
  }

  /** The series' chunk of histograms that is still growing. */
  openHistograms(slot: number): HistogramChunkBuilder | undefined {
    return this.#histograms.get(slot);
  }

  /** Adds a whole chunk, which must lie behind all that the series has. */
  restoreChunk(slot: number, chunk: RestoredChunk): boolean {
    const at = slot * RECORD_DOUBLES;
    const { doubles, ints } = this.table;
    const { minTimeMs, maxTimeMs, data } = chunk;
    if (maxTimeMs < this.#minValidTimeMs || minTimeMs <= doubles[at + XOR_LAST_TIME]) return false;
    if (ints[at * 2 + OPEN_PLACE] !== NO_PLACE) this.#close(at);
    else this.#closeHistograms(at);
    doubles[at + CLOSED_CHUNK] = this.closed.addWhole(doubles[at + CLOSED_CHUNK], chunk);
    if (chunk.isStored === true) this.closed.setStored(doubles[at + CLOSED_CHUNK]);
    doubles[at + XOR_LAST_TIME] = maxTimeMs;
    this.#sampleCount += chunkSampleCount(data);
    this.#chunkCount++;
    if (minTimeMs < this.#minTimeMs) this.#minTimeMs = minTimeMs;
    if (maxTimeMs > this.#maxTimeMs) this.#maxTimeMs = maxTimeMs;
    return true;
  }

  closeHistograms(): void {
    for (const slot of [...this.#histograms.keys()]) this.#closeHistograms(slot * RECORD_DOUBLES);
  }

  /**
   * Drops chunks that end before `minTimeMs`, and series that have none left. Works in slices;
   * appending may go on meanwhile. Not to be called while a snapshot is taken.
   * @param onRemoved called with the reference of each series that left
   */
  async truncate(minTimeMs: number, onRemoved: (ref: SeriesRef) => void): Promise<void> {
    this.raiseMinValidTime(minTimeMs);
    this.#recentMinTimeMs = Infinity;
    const pacer = new Pacer(this.#clock);
    let oldest = Infinity;
    for (let slot = 0; slot < this.table.slotEnd; slot++) {
      if ((slot & 255) === 255 && pacer.isDue) await pacer.pause();
      if (!this.table.isUsed(slot)) continue;
      const first = this.#truncateSeries(slot, minTimeMs);
      if (first < oldest) oldest = first;
      if (first !== Infinity) continue;
      if (this.table.ints[slot * RECORD_DOUBLES * 2 + PENDING_COUNT] > 0) {
        // It stays, and has forgotten everything.
        this.table.doubles[slot * RECORD_DOUBLES + XOR_LAST_TIME] = -Infinity;
        continue;
      }
      onRemoved(this.table.refOf(slot));
      this.#forget(slot);
    }
    this.tombstones.truncate(minTimeMs);
    this.closed.dropBefore(minTimeMs);
    this.table.compact();
    // A chunk of another program may reach over the border; what lies before it is in a block.
    this.#minTimeMs = Math.max(minTimeMs, Math.min(oldest, this.#recentMinTimeMs));
    if (this.#sampleCount === 0) this.#maxTimeMs = -Infinity;
  }

  /** Drops a series with all its samples: a log says that it was deleted. */
  removeSeries(slot: number): void {
    this.#truncateSeries(slot, Infinity);
    this.#forget(slot);
  }

  #forget(slot: number): void {
    this.tombstones.remove(this.table.refOf(slot));
    this.table.remove(slot);
  }

  /** Time of the first sample that is left; Infinity when there is none. */
  #truncateSeries(slot: number, minTimeMs: number): number {
    const { doubles, ints } = this.table;
    const at = slot * RECORD_DOUBLES;
    let first = Infinity;
    const histograms = this.#histograms.get(slot);
    if (histograms !== undefined) {
      if (histograms.maxTimeMs >= minTimeMs) {
        first = histograms.minTimeMs;
      } else {
        this.#sampleCount -= histograms.sampleCount;
        this.#chunkCount--;
        this.#histograms.delete(slot);
      }
    }
    if (ints[at * 2 + OPEN_PLACE] !== NO_PLACE) {
      if (doubles[at + XOR_LAST_TIME] >= minTimeMs) {
        first = doubles[at + OPEN_MIN_TIME];
      } else {
        this.#sampleCount -= ints[at * 2 + XOR_SAMPLE_COUNT];
        this.#chunkCount--;
        this.open.release(ints[at * 2 + OPEN_PLACE], ints[at * 2 + OPEN_SIZE]);
        ints[at * 2 + OPEN_PLACE] = NO_PLACE;
      }
    }
    let place = doubles[at + CLOSED_CHUNK];
    let kept = NO_CHUNK;
    while (place !== NO_CHUNK && this.closed.maxTime(place) >= minTimeMs) {
      kept = place;
      place = this.closed.previous(place);
    }
    for (let gone = place; gone !== NO_CHUNK; gone = this.closed.previous(gone)) {
      this.#sampleCount -= chunkSampleCount(this.closed.data(gone));
      this.#chunkCount--;
    }
    if (kept === NO_CHUNK) {
      doubles[at + CLOSED_CHUNK] = NO_CHUNK;
    } else {
      this.closed.unlinkPrevious(kept);
      first = this.closed.minTime(kept);
    }
    return first;
  }

  /** Whether the open chunk ends before the sample. */
  #isDue(at: number, times: Float64Array, index: number): boolean {
    const { doubles, ints } = this.table;
    const count = ints[at * 2 + XOR_SAMPLE_COUNT];
    if (count === SAMPLES_PER_CHUNK / 4) {
      doubles[at + NEXT_CHUNK_AT] = predictChunkEnd(
        doubles[at + OPEN_MIN_TIME],
        doubles[at + XOR_LAST_TIME],
        doubles[at + NEXT_CHUNK_AT],
      );
    }
    return (
      times[index] >= doubles[at + NEXT_CHUNK_AT] ||
      count >= SAMPLES_PER_CHUNK * 2 ||
      xorLength(ints, at) > CHUNK_BYTES_MAX
    );
  }

  #count(times: Float64Array, index: number): void {
    const timeMs = times[index];
    this.#sampleCount++;
    if (timeMs < this.#minTimeMs) this.#minTimeMs = timeMs;
    if (timeMs < this.#recentMinTimeMs) this.#recentMinTimeMs = timeMs;
    if (timeMs > this.#maxTimeMs) this.#maxTimeMs = timeMs;
  }

  #windowEnd(timeMs: number): number {
    const range = this.#blockRangeMs;
    return Math.floor(timeMs / range) * range + range;
  }

  #begin(at: number, timeMs: number): void {
    const { doubles, ints } = this.table;
    if (this.#histograms.size > 0) this.#closeHistograms(at);
    resetXor(doubles, ints, at);
    doubles[at + OPEN_MIN_TIME] = timeMs;
    doubles[at + NEXT_CHUNK_AT] = this.#windowEnd(timeMs);
    ints[at * 2 + OPEN_PLACE] = this.open.allocate(0);
    ints[at * 2 + OPEN_SIZE] = 0;
    this.#chunkCount++;
  }

  #close(at: number): void {
    const { doubles, ints } = this.table;
    const place = ints[at * 2 + OPEN_PLACE];
    const slab = this.open.slab(place);
    const base = this.open.base(place);
    putXorHeader(ints, at, slab, base);
    doubles[at + CLOSED_CHUNK] = this.closed.add(
      doubles[at + CLOSED_CHUNK],
      doubles[at + OPEN_MIN_TIME],
      doubles[at + XOR_LAST_TIME],
      CHUNK_XOR,
      slab,
      base,
      xorLength(ints, at),
    );
    this.open.release(place, ints[at * 2 + OPEN_SIZE]);
    ints[at * 2 + OPEN_PLACE] = NO_PLACE;
  }

  #closeHistograms(at: number): void {
    const slot = at / RECORD_DOUBLES;
    const open = this.#histograms.get(slot);
    if (open === undefined) return;
    const { doubles } = this.table;
    const { minTimeMs, maxTimeMs, encoding } = open;
    const chunk = { minTimeMs, maxTimeMs, encoding, data: open.borrow() };
    doubles[at + CLOSED_CHUNK] = this.closed.addWhole(doubles[at + CLOSED_CHUNK], chunk);
    this.#histograms.delete(slot);
  }
}
