/** Half-open range of times. */
export interface TimeRange {
  readonly minTimeMs: number;
  /** Exclusive. */
  readonly maxTimeMs: number;
}
