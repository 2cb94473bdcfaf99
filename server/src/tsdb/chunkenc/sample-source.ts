import type { Histogram } from '../../model/histogram.ts';

/**
 * Samples in the order of time: `next()`, then the fields. No object is made per float, so the
 * fields are valid until the next call.
 */
export interface SampleSource {
  readonly timeMs: number;
  /** The value's bits, as int32 halves; without meaning when there is a histogram. */
  readonly valueHi: number;
  readonly valueLo: number;
  /** Set when the sample is a native histogram; it stays as it is. */
  readonly histogram: Histogram | undefined;
  /** Goes to the next sample; false at the end. */
  next(): boolean;
}
