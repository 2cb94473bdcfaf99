import type { Labels } from '../../model/labels.ts';
import type { TimeRange } from '../../model/time-range.ts';
import type { SeriesChunks } from '../series/chunk-samples.ts';
import type { SortedSet } from '../series/merged-sets.ts';
import type { Matcher } from './matcher.ts';

/** Series of one place that a query wants, in the order of their labels. */
export interface SourceSeries extends SortedSet {
  /** Of the series at which the set stands. */
  readonly labels: Labels;
  /** Its chunks in the range; they stay valid. Most answers come without waiting. */
  chunks(): SeriesChunks | Promise<SeriesChunks>;
}

/** A block or a head that can be asked. For one caller at a time. */
export interface QuerySource {
  select(matchers: readonly Matcher[], range: TimeRange): Promise<SourceSeries>;
  /** Sorted by bytes. */
  labelNames(): Promise<readonly string[]>;
  /** Sorted by bytes. */
  labelValues(name: string): Promise<readonly string[]>;
}
