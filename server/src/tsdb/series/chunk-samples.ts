import { CHUNK_XOR } from '../chunkenc/encodings.ts';
import { XorIterator } from '../chunkenc/xor-iterator.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { type Interval, touches } from './deletions.ts';
import type { SampleSource } from './sample-source.ts';

/** The chunks of one series from one place, and what of them is deleted. */
export interface SeriesChunks {
  /** In time order, without overlap. */
  readonly chunks: readonly ChunkInput[];
  readonly deleted: readonly Interval[];
}

/**
 * The float samples of a list of chunks. It ends before a chunk of histograms, which have no number
 * for a value: `endsAtHistogram` tells.
 */
export class ChunkSamples implements SampleSource {
  timeMs = 0;
  valueHi = 0;
  valueLo = 0;
  endsAtHistogram = false;
  readonly #iterator = new XorIterator();
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
    this.endsAtHistogram = false;
    return this;
  }

  next(): boolean {
    const iterator = this.#iterator;
    for (;;) {
      if (!this.#isOpen && !this.#openNext()) return false;
      while (iterator.next()) {
        if (this.#deleted.length > 0 && this.#isDeleted(iterator.timeMs)) continue;
        this.timeMs = iterator.timeMs;
        this.valueHi = iterator.valueHi;
        this.valueLo = iterator.valueLo;
        return true;
      }
      this.#isOpen = false;
    }
  }

  #openNext(): boolean {
    let part = this.#parts[this.#part];
    while (part !== undefined && this.#chunk === part.chunks.length) {
      this.#chunk = 0;
      part = this.#parts[++this.#part];
    }
    if (part === undefined) return false;
    const chunk = part.chunks[this.#chunk];
    if (chunk.encoding !== CHUNK_XOR) {
      this.endsAtHistogram = true;
      return false;
    }
    this.#chunk++;
    this.#deleted = touches(chunk, part.deleted) ? part.deleted : [];
    this.#iterator.reset(chunk.data);
    this.#isOpen = true;
    return true;
  }

  #isDeleted(timeMs: number): boolean {
    return this.#deleted.some(
      ({ minTimeMs, maxTimeMs }) => minTimeMs <= timeMs && timeMs <= maxTimeMs,
    );
  }
}
