import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { compareText } from '../../model/labels.ts';
import type { BlockSource } from '../block/block-writer.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { isKnownEncoding } from '../chunkenc/encodings.ts';
import { type Interval, isDeleted, outsideOf, withoutDeleted } from '../series/deletions.ts';
import { CHUNK_FIELDS, type HeadSnapshot } from './head-snapshot.ts';

/**
 * Gives the series of a snapshot to the block writer, sorted, with chunks cut to the range and without
 * what was deleted.
 */
export class HeadBlockSource implements BlockSource {
  readonly symbols: readonly string[];
  labelRefs: Int32Array = new Int32Array(0);
  chunks: ChunkInput[] = [];

  readonly #snapshot: HeadSnapshot;
  readonly #buffers: readonly Uint8Array[];
  /** Label words of all series, as positions in `symbols`. */
  readonly #words: Int32Array;
  readonly #wordsStart: Int32Array;
  /** Where each series' chunks begin in the snapshot. */
  readonly #chunksStart: Float64Array;
  readonly #order: Uint32Array;
  #next = 0;

  constructor(snapshot: HeadSnapshot) {
    this.#snapshot = snapshot;
    this.#buffers = snapshot.buffers.map((buffer) => new Uint8Array(buffer));
    const { symbols, positions } = sortSymbols(snapshot);
    this.symbols = symbols;
    const { seriesCount, series } = snapshot;
    this.#wordsStart = new Int32Array(seriesCount + 1);
    this.#chunksStart = new Float64Array(seriesCount);
    this.#words = new Int32Array(series.length);
    this.#readSeries(positions);
    this.#order = this.#sortSeries();
  }

  next(): boolean {
    const { series } = this.#snapshot;
    if (this.#next === this.#order.length) return false;
    const index = this.#order[this.#next++];
    this.labelRefs = this.#words.subarray(this.#wordsStart[index], this.#wordsStart[index + 1]);
    this.chunks = [];
    let at = this.#chunksStart[index];
    const deleted = this.#snapshot.deleted.get(index) ?? [];
    for (let left = series[at++]; left > 0; left--, at += CHUNK_FIELDS) this.#addChunk(at, deleted);
    return true;
  }

  #addChunk(at: number, deleted: readonly Interval[]): void {
    const { series, minTimeMs, maxTimeMs } = this.#snapshot;
    const offset = series[at + 4];
    const data = this.#buffers[series[at + 3]].subarray(offset, offset + series[at + 5]);
    const chunk = {
      minTimeMs: series[at],
      maxTimeMs: series[at + 1],
      encoding: series[at + 2],
      data,
    };
    const isInside = chunk.minTimeMs >= minTimeMs && chunk.maxTimeMs < maxTimeMs;
    // What nobody here can take apart goes into the block as a whole.
    if (!isKnownEncoding(chunk.encoding) || (isInside && deleted.length === 0)) {
      this.chunks.push(chunk);
      return;
    }
    const gone = [...outsideOf(minTimeMs, maxTimeMs), ...deleted];
    if (!isDeleted(chunk, gone)) this.chunks.push(...withoutDeleted(chunk, gone));
  }

  #readSeries(positions: Int32Array): void {
    const { seriesCount, series } = this.#snapshot;
    let at = 0;
    let word = 0;
    for (let index = 0; index < seriesCount; index++) {
      this.#wordsStart[index] = word;
      for (let left = series[at++]; left > 0; left--) this.#words[word++] = positions[series[at++]];
      this.#chunksStart[index] = at;
      at += 1 + series[at] * CHUNK_FIELDS;
    }
    this.#wordsStart[seriesCount] = word;
  }

  #sortSeries(): Uint32Array {
    const words = this.#words;
    const starts = this.#wordsStart;
    const order = new Uint32Array(this.#snapshot.seriesCount);
    for (let i = 0; i < order.length; i++) order[i] = i;
    return order.sort((a, b) => {
      const endA = starts[a + 1];
      const endB = starts[b + 1];
      let x = starts[a];
      let y = starts[b];
      for (; x < endA && y < endB; x++, y++) {
        if (words[x] !== words[y]) return words[x] - words[y];
      }
      return endA - starts[a] - (endB - starts[b]);
    });
  }
}

/** The symbols in order, and the position of each number among them. */
function sortSymbols(snapshot: HeadSnapshot): { symbols: string[]; positions: Int32Array } {
  const reader = new ByteReader(snapshot.symbols);
  const entries: { readonly id: number; readonly text: string }[] = [];
  let hasSurrogates = false;
  for (let left = snapshot.symbolCount; left > 0; left--) {
    const entry = { id: reader.uvarint(), text: reader.uvarintText() };
    entries.push(entry);
    hasSurrogates ||= /[\ud800-\udfff]/.test(entry.text);
  }
  // Without surrogates the order of UTF-16 units is that of UTF-8 bytes, and engines are fast at it.
  entries.sort(
    hasSurrogates
      ? (a, b) => compareText(a.text, b.text)
      : (a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0),
  );
  // Prometheus counts the name and value of the list of all series among the symbols.
  const symbols = [''];
  const positions = new Int32Array(snapshot.symbolIdEnd);
  for (const { id, text } of entries) {
    positions[id] = symbols.length;
    symbols.push(text);
  }
  return { symbols, positions };
}
