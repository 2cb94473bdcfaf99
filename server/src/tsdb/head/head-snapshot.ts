import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import type { Clock } from '../../base/clock.ts';
import type { TimeRange } from '../../model/time-range.ts';
import { CHUNK_XOR } from '../chunkenc/encodings.ts';
import type { HistogramChunkBuilder } from '../chunkenc/histogram-chunk.ts';
import { putXorHeader, XOR_LAST_TIME, xorLength } from '../chunkenc/xor-encoder.ts';
import type { Interval } from '../series/deletions.ts';
import { NO_CHUNK } from './closed-chunks.ts';
import type { Head } from './head.ts';
import { Pacer } from './pacer.ts';
import {
  CLOSED_CHUNK,
  NO_PLACE,
  OPEN_MIN_TIME,
  OPEN_PLACE,
  RECORD_DOUBLES,
} from './series-table.ts';

/**
 * The head's series and chunks in a range, as a worker gets them: closed chunks stay where they
 * are (shared memory), open ones and labels are copied.
 */
export interface HeadSnapshot {
  readonly minTimeMs: number;
  /** Exclusive. */
  readonly maxTimeMs: number;
  readonly symbolCount: number;
  /** Each symbol: number `<uvarint>`, text with its length. */
  readonly symbols: Uint8Array<ArrayBuffer>;
  /** Upper end of the symbol numbers. */
  readonly symbolIdEnd: number;
  readonly seriesCount: number;
  /**
   * Series one behind the other: number of label words, the words (symbol numbers of name and value
   * in turn), number of chunks, and for each, oldest first, {@link CHUNK_FIELDS} numbers: first and
   * last time, encoding, position in `buffers`, offset, length.
   */
  readonly series: Float64Array<ArrayBuffer>;
  /** What was deleted of a series, by its position among them; few have any. */
  readonly deleted: ReadonlyMap<number, readonly Interval[]>;
  /** Position 0 is the copy of open chunks. */
  readonly buffers: readonly (ArrayBuffer | SharedArrayBuffer)[];
}

export const CHUNK_FIELDS = 6;

/** Takes the snapshot in slices; appending goes on meanwhile, truncation must not. */
export async function takeSnapshot(
  head: Head,
  range: TimeRange,
  clock: Clock,
): Promise<HeadSnapshot> {
  const builder = new SnapshotBuilder(head, range);
  const pacer = new Pacer(clock);
  for (let slot = 0; slot < head.table.slotEnd; slot++) {
    if ((slot & 255) === 255 && pacer.isDue) await pacer.pause();
    if (head.table.isUsed(slot)) builder.addSeries(slot);
  }
  return builder.finish();
}

class SnapshotBuilder {
  readonly #head: Head;
  readonly #minTimeMs: number;
  readonly #maxTimeMs: number;
  #series = new Float64Array(64 * 1024);
  #seriesEnd = 0;
  #seriesCount = 0;
  readonly #deleted = new Map<number, readonly Interval[]>();
  readonly #openBytes = new ByteWriter(256 * 1024);
  readonly #buffers: SharedArrayBuffer[] = [];
  readonly #bufferIndex = new Map<SharedArrayBuffer, number>();
  readonly #symbols = new ByteWriter(64 * 1024);
  #symbolCount = 0;
  #symbolSeen = new Uint8Array(1024);
  /** Places of the current series' closed chunks, newest first. */
  readonly #places: number[] = [];

  constructor(head: Head, { minTimeMs, maxTimeMs }: TimeRange) {
    this.#head = head;
    this.#minTimeMs = minTimeMs;
    this.#maxTimeMs = maxTimeMs;
  }

  addSeries(slot: number): void {
    const { table, open, closed } = this.#head;
    const at = slot * RECORD_DOUBLES;
    const places = this.#places;
    places.length = 0;
    let place = table.doubles[at + CLOSED_CHUNK];
    for (; place !== NO_CHUNK; place = closed.previous(place)) {
      if (closed.maxTime(place) < this.#minTimeMs) break;
      if (closed.minTime(place) < this.#maxTimeMs) places.push(place);
    }
    const openPlace = table.ints[at * 2 + OPEN_PLACE];
    const openMin = table.doubles[at + OPEN_MIN_TIME];
    const openMax = table.doubles[at + XOR_LAST_TIME];
    const hasOpen =
      openPlace !== NO_PLACE && openMax >= this.#minTimeMs && openMin < this.#maxTimeMs;
    const histograms = this.#histogramsInRange(slot);
    const chunkCount = places.length + (hasOpen || histograms !== undefined ? 1 : 0);
    if (chunkCount === 0) return;

    this.#putLabels(table.labelSymbols(slot), chunkCount);
    for (let i = places.length - 1; i >= 0; i--) {
      const { buffer, offset, length } = closed.locate(places[i]);
      this.#putChunk(closed.minTime(places[i]), closed.maxTime(places[i]));
      this.#putPlace(closed.encoding(places[i]), this.#positionOf(buffer), offset, length);
    }
    if (hasOpen) {
      const length = xorLength(table.ints, at);
      const slab = open.slab(openPlace);
      const base = open.base(openPlace);
      putXorHeader(table.ints, at, slab, base);
      this.#putChunk(openMin, openMax);
      this.#putPlace(CHUNK_XOR, 0, this.#openBytes.length, length);
      this.#openBytes.raw(slab.subarray(base, base + length));
    }
    if (histograms !== undefined) {
      const chunk = histograms.borrow();
      this.#putChunk(histograms.minTimeMs, histograms.maxTimeMs);
      this.#putPlace(histograms.encoding, 0, this.#openBytes.length, chunk.length);
      this.#openBytes.raw(chunk);
    }
    const deleted = this.#head.tombstones.of(table.refOf(slot));
    if (deleted.length > 0) this.#deleted.set(this.#seriesCount, deleted);
    this.#seriesCount++;
  }

  #histogramsInRange(slot: number): HistogramChunkBuilder | undefined {
    const open = this.#head.openHistograms(slot);
    const isInRange =
      open !== undefined && open.maxTimeMs >= this.#minTimeMs && open.minTimeMs < this.#maxTimeMs;
    return isInRange ? open : undefined;
  }

  finish(): HeadSnapshot {
    return {
      minTimeMs: this.#minTimeMs,
      maxTimeMs: this.#maxTimeMs,
      symbolCount: this.#symbolCount,
      symbols: this.#symbols.copy(),
      symbolIdEnd: this.#head.table.symbols.idEnd,
      seriesCount: this.#seriesCount,
      deleted: this.#deleted,
      series: this.#series.slice(0, this.#seriesEnd),
      buffers: [this.#openBytes.copy().buffer, ...this.#buffers],
    };
  }

  #putLabels(words: Int32Array, chunkCount: number): void {
    this.#reserve(words.length + 2 + chunkCount * CHUNK_FIELDS);
    const series = this.#series;
    series[this.#seriesEnd++] = words.length;
    for (let i = 0; i < words.length; i++) {
      series[this.#seriesEnd++] = words[i];
      this.#putSymbol(words[i]);
    }
    series[this.#seriesEnd++] = chunkCount;
  }

  #putChunk(minTimeMs: number, maxTimeMs: number): void {
    this.#series[this.#seriesEnd++] = minTimeMs;
    this.#series[this.#seriesEnd++] = maxTimeMs;
  }

  #putPlace(encoding: number, buffer: number, offset: number, length: number): void {
    this.#series[this.#seriesEnd++] = encoding;
    this.#series[this.#seriesEnd++] = buffer;
    this.#series[this.#seriesEnd++] = offset;
    this.#series[this.#seriesEnd++] = length;
  }

  #putSymbol(id: number): void {
    if (id >= this.#symbolSeen.length) {
      const grown = new Uint8Array(Math.max(id + 1, this.#symbolSeen.length * 2));
      grown.set(this.#symbolSeen);
      this.#symbolSeen = grown;
    }
    if (this.#symbolSeen[id] === 1) return;
    this.#symbolSeen[id] = 1;
    this.#symbolCount++;
    this.#symbols.uvarint(id);
    this.#symbols.uvarintText(this.#head.table.symbols.text(id));
  }

  #positionOf(buffer: SharedArrayBuffer): number {
    let position = this.#bufferIndex.get(buffer);
    if (position === undefined) {
      this.#buffers.push(buffer);
      position = this.#buffers.length;
      this.#bufferIndex.set(buffer, position);
    }
    return position;
  }

  #reserve(count: number): void {
    const needed = this.#seriesEnd + count;
    if (needed <= this.#series.length) return;
    const grown = new Float64Array(Math.max(needed, this.#series.length * 2));
    grown.set(this.#series.subarray(0, this.#seriesEnd));
    this.#series = grown;
  }
}
