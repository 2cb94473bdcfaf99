/**
 * Samples in the order of time: `next()`, then the fields. No object is made per sample, so the
 * fields are valid until the next call.
 */
export interface SampleSource {
  readonly timeMs: number;
  /** The value's bits, as int32 halves. */
  readonly valueHi: number;
  readonly valueLo: number;
  /** Goes to the next sample; false at the end. */
  next(): boolean;
}
