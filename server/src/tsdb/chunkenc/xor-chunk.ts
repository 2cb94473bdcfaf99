import { assert } from '../../base/errors.ts';
import {
  appendXor,
  putXorHeader,
  resetXor,
  XOR_LAST_TIME,
  XOR_SAMPLE_BYTES_MAX,
  XOR_SAMPLE_COUNT,
  XOR_SAMPLES_MAX,
  XOR_STATE_DOUBLES,
  xorLength,
} from './xor-encoder.ts';

/** Builds one XOR chunk after another in memory of its own. */
export class XorChunkBuilder {
  /** Time of the first sample; meaningless in an empty chunk. */
  minTimeMs = 0;
  readonly #doubles = new Float64Array(XOR_STATE_DOUBLES);
  readonly #ints = new Int32Array(this.#doubles.buffer);
  readonly #time = new Float64Array(1);
  #bytes = new Uint8Array(256);

  constructor() {
    this.reset();
  }

  get sampleCount(): number {
    return this.#ints[XOR_SAMPLE_COUNT];
  }

  /** Time of the newest sample. */
  get maxTimeMs(): number {
    return this.#doubles[XOR_LAST_TIME];
  }

  get sizeBytes(): number {
    return xorLength(this.#ints, 0);
  }

  reset(): void {
    resetXor(this.#doubles, this.#ints, 0);
  }

  /** Adds a sample later than all before; the value as halves of its bits. */
  append(timeMs: number, hi: number, lo: number): void {
    const count = this.sampleCount;
    assert(count === 0 || timeMs > this.maxTimeMs, 'samples of a chunk must move on in time');
    assert(count < XOR_SAMPLES_MAX, 'a chunk is full');
    const needed = this.sizeBytes + XOR_SAMPLE_BYTES_MAX;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(needed * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    if (count === 0) this.minTimeMs = timeMs;
    this.#time[0] = timeMs;
    appendXor(this.#doubles, this.#ints, 0, this.#bytes, 0, this.#time, 0, hi | 0, lo | 0);
  }

  /** The chunk so far, as a view that the next `append` or `reset` invalidates. */
  borrow(): Uint8Array<ArrayBuffer> {
    putXorHeader(this.#ints, 0, this.#bytes, 0);
    return this.#bytes.subarray(0, this.sizeBytes);
  }
}
