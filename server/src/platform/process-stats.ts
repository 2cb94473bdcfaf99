import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

import type { LoopDelay, ProcessMemory, ProcessStats } from '../base/ports/process-stats.ts';

/**
 * The timers that measure the event loop run this often. They wake a process that rests: at 20 ms
 * they would cost more than all of the scraping of one node, at 100 ms a fifth of all it does. What
 * lasts shorter is seen by chance, often enough over an hour.
 */
const LOOP_TIMER_MS = 250;
/** One answer asks for the memory several times. */
const MEMORY_AGE_MS_MAX = 1_000;
const NS_PER_MS = 1e6;

type LoopMonitor = ReturnType<typeof monitorEventLoopDelay>;

/** {@link ProcessStats} of the process that we are. Its timers keep no process alive. */
export class NodeProcessStats implements ProcessStats {
  readonly startTimeMs = Math.round(performance.timeOrigin);
  readonly runtimeVersion = process.version;
  readonly #sinceStart = startedMonitor();
  // Both were started in one turn, so that their timers wake the process together.
  readonly #recent = startedMonitor();
  #memory: ProcessMemory | undefined;
  #memoryMs = 0;

  memory(): ProcessMemory {
    const nowMs = performance.now();
    if (this.#memory === undefined || nowMs - this.#memoryMs > MEMORY_AGE_MS_MAX) {
      this.#memory = readMemory();
      this.#memoryMs = nowMs;
    }
    return this.#memory;
  }

  cpu(): { readonly userSeconds: number; readonly systemSeconds: number } {
    const { user, system } = process.cpuUsage();
    return { userSeconds: user / 1e6, systemSeconds: system / 1e6 };
  }

  loopDelay(): LoopDelay {
    return delayOf(this.#sinceStart);
  }

  recentLoopDelay(): LoopDelay {
    return delayOf(this.#recent);
  }

  beginInterval(): void {
    this.#recent.reset();
  }

  close(): void {
    this.#sinceStart.disable();
    this.#recent.disable();
  }
}

function readMemory(): ProcessMemory {
  const heap = getHeapStatistics();
  const status = ownStatus();
  return {
    residentBytes: bytesIn(status, 'VmRSS'),
    anonymousBytes: bytesIn(status, 'RssAnon'),
    heapUsedBytes: heap.used_heap_size,
    heapTotalBytes: heap.total_heap_size,
    externalBytes: heap.external_memory,
  };
}

/** The kernel's page about us, made in microseconds and from no disk; '' on systems without it. */
function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1');
  } catch {
    return '';
  }
}

function startedMonitor(): LoopMonitor {
  const monitor = monitorEventLoopDelay({ resolution: LOOP_TIMER_MS });
  monitor.enable();
  return monitor;
}

/** What the monitor holds are times from one timer to the next, the planned one included. */
function delayOf(monitor: LoopMonitor): LoopDelay {
  const lateMs = (ns: number): number => Math.max(0, ns / NS_PER_MS - LOOP_TIMER_MS);
  if (monitor.count === 0) return { p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 };
  return {
    p50Ms: lateMs(monitor.percentile(50)),
    p99Ms: lateMs(monitor.percentile(99)),
    p999Ms: lateMs(monitor.percentile(99.9)),
    maxMs: lateMs(monitor.max),
  };
}

/** A line such as `VmRSS:     1234 kB`; 0 when it is missing. */
function bytesIn(status: string, key: string): number {
  const line = new RegExp(`^${key}:\\s+([0-9]+) kB$`, 'm').exec(status);
  return line === null ? 0 : Number(line[1]) * 1024;
}
