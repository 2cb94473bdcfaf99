/**
 * What is known about this process. The answers come at once, and none from a disk. Implemented by `platform/process-stats.ts`.
 */
export interface ProcessStats {
  /** Unix milliseconds. */
  readonly startTimeMs: number;
  /** The engine's version, such as `v24.1.0`. */
  readonly runtimeVersion: string;
  /** At most a second old. */
  memory(): ProcessMemory;
  cpu(): { readonly userSeconds: number; readonly systemSeconds: number };
  /** How late the event loop was, since the start of the process. */
  loopDelay(): LoopDelay;
  /** The same since the last {@link beginInterval}, or since the start before the first. */
  recentLoopDelay(): LoopDelay;
  beginInterval(): void;
}

export interface ProcessMemory {
  /** Resident memory; 0 where the system does not tell. */
  readonly residentBytes: number;
  /** The part of it that no file stands behind; 0 where the system does not tell. */
  readonly anonymousBytes: number;
  /** JavaScript heap: used, and taken from the system. */
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  /** Buffers outside of the heap. */
  readonly externalBytes: number;
}

/** Milliseconds by which turns of the event loop came later than they should; all 0 without any. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}
