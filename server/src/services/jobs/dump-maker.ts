import type { ArchiveFormat } from '../../base/ports/archive.ts';

/** What making a dump came to. */
export interface DumpResult {
  /** Path in the file store. */
  readonly location: string;
  readonly sizeBytes: number;
  readonly sampleCount: number;
  /** Series of the block with the most. */
  readonly seriesMax: number;
  /** First and last millisecond that the dump covers, within what was asked for. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  /** What had to be left out, for people; undefined when nothing was. */
  readonly leftOut?: string;
}

export interface DumpRun {
  readonly jobId: string;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly format: ArchiveFormat;
  readonly signal: AbortSignal;
  /** Told of how much is done, from 0 to 1. */
  readonly onProgress: (fraction: number) => void;
  /** Whether the files of the job are this run's: false once another instance makes the dump. */
  readonly ownsFiles: () => Promise<boolean>;
}

/** Makes and removes dumps; `services/dump` in the product. */
export interface DumpMaker {
  /** Leaves nothing behind when it rejects. */
  make(run: DumpRun): Promise<DumpResult>;
  /** Removes all files of one job, finished or not; fine when there are none. */
  remove(jobId: string): Promise<void>;
  /** Removes what runs that were killed left on this machine. */
  removeLeftovers(): Promise<void>;
}
