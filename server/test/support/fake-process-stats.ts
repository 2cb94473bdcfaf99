import type { LoopDelay, ProcessStats } from '../../src/base/ports/process-stats.ts';

/** A process of which everything is known. */
export class FakeProcessStats implements ProcessStats {
  readonly startTimeMs = 1_000;
  readonly runtimeVersion = 'v24.0.0';
  delay: LoopDelay = { p50Ms: 0.5, p99Ms: 1, p999Ms: 2.5, maxMs: 40 };
  recent: LoopDelay = { p50Ms: 0.25, p99Ms: 0.5, p999Ms: 1, maxMs: 1 };
  /** How often a new interval was begun. */
  intervals = 0;

  memory(): ReturnType<ProcessStats['memory']> {
    return {
      residentBytes: 100_000_000,
      anonymousBytes: 50_000_000,
      heapUsedBytes: 10_000_000,
      heapTotalBytes: 20_000_000,
      externalBytes: 3_000_000,
    };
  }

  cpu(): ReturnType<ProcessStats['cpu']> {
    return { userSeconds: 1.5, systemSeconds: 0.25 };
  }

  loopDelay(): LoopDelay {
    return this.delay;
  }

  recentLoopDelay(): LoopDelay {
    return this.recent;
  }

  beginInterval(): void {
    this.intervals++;
  }
}
