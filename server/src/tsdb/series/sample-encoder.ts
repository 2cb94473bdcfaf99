import { CHUNK_XOR } from '../chunkenc/encodings.ts';
import { HistogramChunkBuilder } from '../chunkenc/histogram-chunk.ts';
import type { SampleSource } from '../chunkenc/sample-source.ts';
import { XorChunkBuilder } from '../chunkenc/xor-chunk.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';

/** Makes chunks of samples of any kind: a new one whenever the kind or the buckets change. */
export class SampleEncoder {
  readonly #samplesMax: number;
  readonly #floats = new XorChunkBuilder();
  #histograms: HistogramChunkBuilder | undefined;
  #chunks: ChunkInput[] = [];

  /** @param samplesMax samples in a chunk */
  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax;
  }

  /** Adds the current sample of `source`; it must be later than all before. */
  append({ timeMs, valueHi, valueLo, histogram }: SampleSource): void {
    if (histogram === undefined) {
      this.#endHistograms();
      if (this.#floats.sampleCount >= this.#samplesMax) this.#endFloats();
      this.#floats.append(timeMs, valueHi, valueLo);
      return;
    }
    this.#endFloats();
    const open = this.#histograms;
    if (open !== undefined && open.sampleCount < this.#samplesMax && open.takes(histogram)) {
      open.append(timeMs, histogram);
      return;
    }
    this.#endHistograms();
    this.#histograms = new HistogramChunkBuilder(timeMs, histogram);
  }

  /** The chunks, oldest first. */
  finish(): ChunkInput[] {
    this.#endFloats();
    this.#endHistograms();
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  #endFloats(): void {
    if (this.#floats.sampleCount === 0) return;
    const { minTimeMs, maxTimeMs } = this.#floats;
    const data = this.#floats.borrow().slice();
    this.#chunks.push({ minTimeMs, maxTimeMs, encoding: CHUNK_XOR, data });
    this.#floats.reset();
  }

  #endHistograms(): void {
    const open = this.#histograms;
    if (open === undefined) return;
    const { minTimeMs, maxTimeMs, encoding } = open;
    this.#chunks.push({ minTimeMs, maxTimeMs, encoding, data: open.borrow() });
    this.#histograms = undefined;
  }
}
