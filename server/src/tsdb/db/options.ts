import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';

export interface DbOptions {
  readonly fs: Fs;
  /** The TSDB's directory (`DBPath`); made when missing. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: TaskRunner;
  /** Local blocks are removed when their newest sample is older. Default 3 days. */
  readonly retentionMs?: number;
  /** Length of a block cut from the head, and of the grid it lies on. Default 2 hours. */
  readonly blockRangeMs?: number;
  /** How often the database looks for something to cut or to remove; 0: only when asked. */
  readonly maintenanceIntervalMs?: number;
  /** Most series in the head; more are refused with `ERR_SERIES_LIMIT`. */
  readonly seriesMax?: number;
  /** Most bytes of chunks in the head; a commit beyond it is refused with `ERR_HEAD_FULL`. */
  readonly chunkBytesMax?: number;
  /** Size at which a new WAL segment begins; whole 32 KiB pages. Default 128 MiB. */
  readonly walSegmentBytes?: number;
}

/** What happened to the write-ahead log since the database was opened. */
export interface WalStats {
  readonly syncs: number;
  readonly writtenBytes: number;
  /** Damages that cost samples, found at the opening; a torn end does not count. */
  readonly corruptions: number;
}

export interface HeadStats {
  readonly seriesCount: number;
  /** Samples in memory, those in closed chunks included. */
  readonly sampleCount: number;
  readonly chunkCount: number;
  /** Memory held for chunks, open and closed. */
  readonly chunkBytes: number;
  /** undefined while the head is empty. */
  readonly minTimeMs: number | undefined;
  /** Of the newest sample; undefined while the head is empty. */
  readonly maxTimeMs: number | undefined;
  /** Since the database was opened. */
  readonly appendedSamples: number;
  readonly outOfOrderSamples: number;
  readonly duplicateSamples: number;
  readonly outOfBoundsSamples: number;
}
