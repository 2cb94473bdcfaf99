import {
  countBuckets,
  type Histogram,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNT,
  HISTOGRAM_SUM,
  HISTOGRAM_ZERO_COUNT,
  type HistogramLayout,
  isStaleHistogram,
} from '../../model/histogram.ts';
import { BitReader } from './bit-reader.ts';
import { HISTOGRAM_GAUGE, HISTOGRAM_HEADER_BYTES, HISTOGRAM_RESET_MASK } from './encodings.ts';
import { readLayout } from './histogram-layout.ts';
import type { SampleSource } from './sample-source.ts';
import { XorValues } from './xor-values.ts';

/**
 * Reads the samples of a chunk of integer or float histograms; layout in ./format.md. Histograms are
 * few, so each sample is an object of its own. Damage throws `ERR_CHUNK_CORRUPT`.
 */
export class HistogramIterator implements SampleSource {
  timeMs = 0;
  readonly valueHi = 0;
  readonly valueLo = 0;
  histogram: Histogram | undefined;
  readonly sampleCount: number;
  readonly #isFloat: boolean;
  readonly #isGauge: boolean;
  readonly #reader: BitReader;
  #layout: HistogramLayout | undefined;
  /** Floats: all values; integers: the sum alone has something in it. */
  #xor = new XorValues(HISTOGRAM_BUCKETS);
  /** Integers: what the format holds, with neighbouring buckets as differences. */
  #numbers = new Float64Array(0);
  #deltas = new Float64Array(0);
  #timeDeltaMs = 0;
  #positives = 0;
  #read = 0;

  constructor(chunk: Uint8Array, isFloat: boolean) {
    this.#reader = new BitReader(chunk, HISTOGRAM_HEADER_BYTES);
    if (chunk.length < HISTOGRAM_HEADER_BYTES) throw this.#reader.corrupt('it is too short');
    this.#isFloat = isFloat;
    this.sampleCount = (chunk[0] << 8) | chunk[1];
    this.#isGauge = (chunk[2] & HISTOGRAM_RESET_MASK) === HISTOGRAM_GAUGE;
  }

  /** Goes to the next sample; false at the end. */
  next(): boolean {
    if (this.#read === this.sampleCount) return false;
    if (this.#read++ === 0) {
      const layout = this.#begin();
      this.timeMs = this.#reader.varbitInt();
      if (this.#isFloat) this.#readFirstFloats();
      else this.#readFirstIntegers();
      this.histogram = this.#take(layout);
      return true;
    }
    this.#timeDeltaMs += this.#reader.varbitInt();
    this.timeMs += this.#timeDeltaMs;
    if (!Number.isSafeInteger(this.timeMs)) throw this.#reader.corrupt('a time is out of range');
    if (this.#isFloat) this.#readFloats();
    else this.#readIntegers();
    this.histogram = this.#take(this.#layout);
    return true;
  }

  #begin(): HistogramLayout {
    const layout = (this.#layout = readLayout(this.#reader));
    this.#positives = countBuckets(layout.positiveSpans);
    const count = HISTOGRAM_BUCKETS + this.#positives + countBuckets(layout.negativeSpans);
    if (this.#isFloat) this.#xor = new XorValues(count);
    this.#numbers = new Float64Array(count);
    this.#deltas = new Float64Array(count);
    return layout;
  }

  #readFirstFloats(): void {
    const count = this.#numbers.length;
    for (let i = 0; i < count; i++) this.#xor.readFirst(this.#reader, i);
  }

  #readFloats(): void {
    const count = this.#numbers.length;
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) this.#xor.read(this.#reader, i);
    // A stale marker has no buckets.
    if (this.#isStale()) return;
    for (let i = HISTOGRAM_BUCKETS; i < count; i++) this.#xor.read(this.#reader, i);
  }

  #readFirstIntegers(): void {
    const reader = this.#reader;
    const numbers = this.#numbers;
    numbers[HISTOGRAM_COUNT] = reader.varbitUint();
    numbers[HISTOGRAM_ZERO_COUNT] = reader.varbitUint();
    this.#xor.readFirst(reader, HISTOGRAM_SUM);
    for (let i = HISTOGRAM_BUCKETS; i < numbers.length; i++) numbers[i] = reader.varbitInt();
  }

  #readIntegers(): void {
    const reader = this.#reader;
    this.#readNumber(HISTOGRAM_COUNT);
    this.#readNumber(HISTOGRAM_ZERO_COUNT);
    this.#xor.read(reader, HISTOGRAM_SUM);
    if (this.#isStale()) return;
    for (let i = HISTOGRAM_BUCKETS; i < this.#numbers.length; i++) this.#readNumber(i);
  }

  #readNumber(index: number): void {
    this.#deltas[index] += this.#reader.varbitInt();
    this.#numbers[index] += this.#deltas[index];
  }

  #isStale(): boolean {
    return isStaleHistogram({ ...EMPTY, values: this.#xor.floats });
  }

  #take(layout: HistogramLayout = EMPTY.layout): Histogram {
    const isFloat = this.#isFloat;
    const isGauge = this.#isGauge;
    if (this.#isStale()) {
      const values = this.#xor.floats.slice(0, HISTOGRAM_BUCKETS);
      values.fill(0, 0, HISTOGRAM_SUM);
      return { isFloat, isGauge, layout: EMPTY.layout, values };
    }
    const values = isFloat ? this.#xor.floats.slice() : this.#numbers.slice();
    if (isFloat) return { isFloat, isGauge, layout, values };
    values.set(this.#xor.floats.subarray(HISTOGRAM_SUM, HISTOGRAM_SUM + 1), HISTOGRAM_SUM);
    const negatives = HISTOGRAM_BUCKETS + this.#positives;
    for (let i = HISTOGRAM_BUCKETS + 1; i < values.length; i++) {
      if (i !== negatives) values[i] += values[i - 1];
    }
    return { isFloat, isGauge, layout, values };
  }
}

const EMPTY: Histogram = {
  isFloat: false,
  isGauge: false,
  layout: {
    schema: 0,
    zeroThreshold: 0,
    positiveSpans: [],
    negativeSpans: [],
    customBounds: [],
  },
  values: new Float64Array(HISTOGRAM_BUCKETS),
};
