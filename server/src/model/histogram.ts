// Native histograms of Prometheus (model/histogram): buckets whose bounds follow from a number.

import { isStaleBits } from './stale.ts';

/** A run of buckets: how far it lies behind the run before, and how many there are. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface HistogramLayout {
  /** Bounds grow by 2^(2^-schema); -53: they are `customBounds`. */
  readonly schema: number;
  /** Upper end of the bucket around zero. */
  readonly zeroThreshold: number;
  readonly positiveSpans: readonly Span[];
  readonly negativeSpans: readonly Span[];
  /** Empty but for the schema -53. */
  readonly customBounds: readonly number[];
}

export const CUSTOM_BOUNDS_SCHEMA = -53;

/** Places in `Histogram.values`. The buckets begin behind the sum. */
export const HISTOGRAM_COUNT = 0;
export const HISTOGRAM_ZERO_COUNT = 1;
export const HISTOGRAM_SUM = 2;
export const HISTOGRAM_BUCKETS = 3;

/** One sample of a native histogram. */
export interface Histogram {
  /** Whether counts are floats. */
  readonly isFloat: boolean;
  /** Whether counts may fall without anything having been reset. */
  readonly isGauge: boolean;
  readonly layout: HistogramLayout;
  /**
   * Count, count around zero, sum, then the counts of positive and of negative buckets. Not the
   * differences of neighbours that the formats hold. An array of floats, so that a NaN keeps its bits.
   */
  readonly values: Float64Array;
}

/** Number of buckets in the spans. */
export function countBuckets(spans: readonly Span[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}

/** Whether the sample says that its series has ended. */
export function isStaleHistogram({ values }: Histogram): boolean {
  const bytes = new DataView(values.buffer, values.byteOffset + HISTOGRAM_SUM * 8, 8);
  return LITTLE_ENDIAN
    ? isStaleBits(bytes.getInt32(4, true), bytes.getInt32(0, true))
    : isStaleBits(bytes.getInt32(0), bytes.getInt32(4));
}

/** Byte order of typed arrays on this machine. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function isSameLayout(a: HistogramLayout, b: HistogramLayout): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    isSameSpans(a.positiveSpans, b.positiveSpans) &&
    isSameSpans(a.negativeSpans, b.negativeSpans) &&
    a.customBounds.length === b.customBounds.length &&
    a.customBounds.every((bound, i) => bound === b.customBounds[i])
  );
}

function isSameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ offset, length }, i) => offset === b[i].offset && length === b[i].length)
  );
}
