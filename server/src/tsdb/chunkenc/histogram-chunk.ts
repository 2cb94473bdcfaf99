import { assert } from '../../base/errors.ts';
import {
  countBuckets,
  type Histogram,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNT,
  HISTOGRAM_SUM,
  HISTOGRAM_ZERO_COUNT,
  isSameLayout,
  isStaleHistogram,
} from '../../model/histogram.ts';
import { BitWriter } from './bit-writer.ts';
import {
  CHUNK_FLOAT_HISTOGRAM,
  CHUNK_HISTOGRAM,
  HISTOGRAM_GAUGE,
  HISTOGRAM_HEADER_BYTES,
  HISTOGRAM_RESET_UNKNOWN,
} from './encodings.ts';
import { putLayout } from './histogram-layout.ts';
import { XorValues } from './xor-values.ts';

/**
 * Builds a chunk of histograms of one kind and layout. Where Prometheus encodes a chunk anew to take
 * a histogram with other buckets, here another chunk begins: readers see the same samples.
 */
export class HistogramChunkBuilder {
  readonly minTimeMs: number;
  readonly encoding: number;
  readonly #writer = new BitWriter(HISTOGRAM_HEADER_BYTES);
  readonly #xor: XorValues;
  #last: Histogram;
  /** Of integers: what the format holds, and its last differences. */
  #numbers: Float64Array = new Float64Array(0);
  readonly #deltas: Float64Array;
  #timeMs: number;
  #timeDeltaMs = 0;
  #sampleCount = 1;

  /** Begins a chunk with its first sample. */
  constructor(timeMs: number, first: Histogram) {
    const { isFloat, values } = first;
    this.minTimeMs = this.#timeMs = timeMs;
    this.encoding = isFloat ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM;
    this.#last = first;
    this.#xor = new XorValues(isFloat ? values.length : HISTOGRAM_BUCKETS);
    this.#deltas = new Float64Array(values.length);
    putLayout(this.#writer, first.layout);
    this.#writer.varbitInt(timeMs);
    if (isFloat) {
      for (let i = 0; i < values.length; i++) this.#xor.writeFirst(this.#writer, i, values);
    } else {
      this.#writeFirstIntegers(first);
    }
  }

  get maxTimeMs(): number {
    return this.#timeMs;
  }

  get sampleCount(): number {
    return this.#sampleCount;
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  /** Whether the histogram can follow in this chunk: same kind and buckets, and no counter fell. */
  takes(next: Histogram): boolean {
    const last = this.#last;
    if (last.isFloat !== next.isFloat || last.isGauge !== next.isGauge) return false;
    if (isStaleHistogram(last)) return isStaleHistogram(next);
    if (isStaleHistogram(next)) return true;
    if (!isSameLayout(last.layout, next.layout)) return false;
    return next.isGauge || !hasFallen(last.values, next.values);
  }

  /** Adds a sample, later than all before, that the chunk `takes`. */
  append(timeMs: number, histogram: Histogram): void {
    assert(timeMs > this.#timeMs, 'samples of a chunk must move on in time');
    const timeDeltaMs = timeMs - this.#timeMs;
    this.#writer.varbitInt(timeDeltaMs - this.#timeDeltaMs);
    this.#timeMs = timeMs;
    this.#timeDeltaMs = timeDeltaMs;
    if (histogram.isFloat) this.#writeFloats(histogram);
    else this.#writeIntegers(histogram);
    this.#last = histogram;
    this.#sampleCount++;
  }

  /** The chunk so far, as a view that the next `append` invalidates. */
  borrow(): Uint8Array<ArrayBuffer> {
    const chunk = this.#writer.borrow();
    chunk[0] = this.#sampleCount >> 8;
    chunk[1] = this.#sampleCount;
    chunk[2] = this.#last.isGauge ? HISTOGRAM_GAUGE : HISTOGRAM_RESET_UNKNOWN;
    return chunk;
  }

  #writeFloats({ values }: Histogram): void {
    for (let i = 0; i < values.length; i++) this.#xor.write(this.#writer, i, values);
  }

  #writeFirstIntegers(histogram: Histogram): void {
    const numbers = (this.#numbers = neighbourDifferences(histogram));
    this.#writer.varbitUint(numbers[HISTOGRAM_COUNT]);
    this.#writer.varbitUint(numbers[HISTOGRAM_ZERO_COUNT]);
    this.#xor.writeFirst(this.#writer, HISTOGRAM_SUM, histogram.values);
    for (let i = HISTOGRAM_BUCKETS; i < numbers.length; i++) this.#writer.varbitInt(numbers[i]);
  }

  #writeIntegers(histogram: Histogram): void {
    if (isStaleHistogram(histogram)) {
      // Counts go on as they went, so that they take a bit each.
      this.#writer.varbitInt(0);
      this.#writer.varbitInt(0);
      this.#xor.write(this.#writer, HISTOGRAM_SUM, histogram.values);
      return;
    }
    const numbers = neighbourDifferences(histogram);
    this.#writeNumber(numbers, HISTOGRAM_COUNT);
    this.#writeNumber(numbers, HISTOGRAM_ZERO_COUNT);
    this.#xor.write(this.#writer, HISTOGRAM_SUM, histogram.values);
    for (let i = HISTOGRAM_BUCKETS; i < numbers.length; i++) this.#writeNumber(numbers, i);
    this.#numbers = numbers;
  }

  #writeNumber(numbers: Float64Array, index: number): void {
    const delta = numbers[index] - this.#numbers[index];
    this.#writer.varbitInt(delta - this.#deltas[index]);
    this.#deltas[index] = delta;
  }
}

function hasFallen(before: Float64Array, after: Float64Array): boolean {
  for (let i = 0; i < before.length; i++) {
    if (i !== HISTOGRAM_SUM && after[i] < before[i]) return true;
  }
  return false;
}

/** The values with buckets as differences from the bucket before. */
function neighbourDifferences({ layout, values }: Histogram): Float64Array {
  const numbers = values.slice();
  const negatives = HISTOGRAM_BUCKETS + countBuckets(layout.positiveSpans);
  for (let i = values.length - 1; i > HISTOGRAM_BUCKETS; i--) {
    if (i !== negatives) numbers[i] -= values[i - 1];
  }
  return numbers;
}
