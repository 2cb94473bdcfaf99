import type { Labels } from '../model/labels.ts';

/** A series' number in the head; 0 is not used, so it can mean "unknown". Below 2^29. */
export type SeriesRef = number;

export type AppendResult =
  | 'appended'
  /** Same timestamp and value as the newest sample: nothing to do. */
  | 'duplicate'
  /** Same timestamp, another value: refused and counted. */
  | 'conflict'
  /** Older than the series' newest sample: refused and counted. */
  | 'out_of_order'
  /** Too far from the head's range to be stored: refused and counted. */
  | 'out_of_bounds';

/**
 * One scrape's samples on their way to storage. Samples count as stored when `commit` resolves: then
 * they are in the write-ahead log. Nothing is visible to readers before. Not for use by two callers
 * at once; the storage hands out as many appenders as are asked for.
 */
export interface Appender {
  /**
   * The ref of the series with these labels, made when new. Refs stay valid for as long as the
   * process runs; a series that left the head gets a new one, so `append` on an old ref returns
   * undefined and the caller asks again.
   */
  series(labels: Labels): SeriesRef;
  /** Adds a float sample. `timestampMs` is a safe integer. undefined: unknown ref. */
  append(ref: SeriesRef, timestampMs: number, value: number): AppendResult | undefined;
  /** Adds a stale marker. */
  appendStale(ref: SeriesRef, timestampMs: number): AppendResult | undefined;
  /** Resolves when the samples are in the log; rejects when none of them were kept. */
  commit(): Promise<void>;
  /** Drops what was added. Fine after a failed commit. */
  rollback(): void;
}

export interface Appendable {
  appender(): Appender;
}
