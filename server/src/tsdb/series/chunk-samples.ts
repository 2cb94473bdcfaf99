import type { Histogram } from '../../model/histogram.ts';
import { isKnownEncoding } from '../chunkenc/encodings.ts';
import { openChunk } from '../chunkenc/open-chunk.ts';
import type { SampleSource } from '../chunkenc/sample-source.ts';
import { XorIterator } from '../chunkenc/xor-iterator.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { type Interval, touches } from './deletions.ts';

/** The chunks of one series from one place, and what of them is deleted. */
export interface SeriesChunks {
  /** In time order, without overlap. */
  readonly chunks: readonly ChunkInput[];
  readonly deleted: readonly Interval[];
}

/** The samples of a list of chunks. Chunks of unknown encodings are passed over. */
export class ChunkSamples implements SampleSource {
  timeMs = 0;
  valueHi = 0;
  valueLo = 0;
  histogram: Histogram | undefined;
  readonly #floats = new XorIterator();
  #iterator: SampleSource = this.#floats;
  #parts: readonly SeriesChunks[] = [];
  #part = 0;
  #chunk = 0;
  #isOpen = false;
  /** Empty when nothing of the current chunk is deleted. */
  #deleted: readonly Interval[] = [];

  /** @param parts one behind the other in time */
  reset(parts: readonly SeriesChunks[]): this {
    this.#parts = parts;
    this.#part = 0;
    this.#chunk = 0;
    this.#isOpen = false;
    return this;
  }

  next(): boolean {
    for (;;) {
      if (!this.#isOpen && !this.#openNext()) return false;
      const iterator = this.#iterator;
      while (iterator.next()) {
        if (this.#deleted.length > 0 && this.#isDeleted(iterator.timeMs)) continue;
        this.timeMs = iterator.timeMs;
        this.valueHi = iterator.valueHi;
        this.valueLo = iterator.valueLo;
        this.histogram = iterator.histogram;
        return true;
      }
      this.#isOpen = false;
    }
  }

  #openNext(): boolean {
    for (;;) {
      const part = this.#parts[this.#part];
      if (part === undefined) return false;
      const chunk = part.chunks[this.#chunk];
      if (chunk === undefined) {
        this.#chunk = 0;
        this.#part++;
        continue;
      }
      this.#chunk++;
      if (!isKnownEncoding(chunk.encoding)) continue;
      this.#deleted = touches(chunk, part.deleted) ? part.deleted : [];
      this.#iterator = openChunk(chunk, this.#floats);
      this.#isOpen = true;
      return true;
    }
  }

  #isDeleted(timeMs: number): boolean {
    return this.#deleted.some(
      ({ minTimeMs, maxTimeMs }) => minTimeMs <= timeMs && timeMs <= maxTimeMs,
    );
  }
}
