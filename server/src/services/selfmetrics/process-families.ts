import type { LoopDelay, ProcessStats } from '../../base/ports/process-stats.ts';
import { gauge } from './family.ts';
import type { FamilySample, MetricFamily } from './family.ts';

/** Named as the standard metrics of other programs, behind our prefix. */
export function processFamilies(stats: ProcessStats, version: string): MetricFamily[] {
  const known = (bytes: number): number | undefined => (bytes === 0 ? undefined : bytes);
  const memory = (name: string, help: string, read: () => number): MetricFamily =>
    gauge(name, help, () => known(read()));
  return [
    {
      name: 'build_info',
      help: 'Versions of the plugin and of its engine; always 1.',
      type: 'gauge',
      labelNames: ['version', 'node_version'],
      read: () => [{ labels: { version, node_version: stats.runtimeVersion }, value: 1 }],
    },
    gauge('process_start_time_seconds', 'Unix time at which the process started.', () => {
      return stats.startTimeMs / 1000;
    }),
    {
      name: 'process_cpu_seconds_total',
      help: 'CPU time of the process, all threads together.',
      type: 'counter',
      labelNames: ['mode'],
      read: () => {
        const { userSeconds, systemSeconds } = stats.cpu();
        return [
          { labels: { mode: 'user' }, value: userSeconds },
          { labels: { mode: 'system' }, value: systemSeconds },
        ];
      },
    },
    memory('process_resident_memory_bytes', 'Resident memory of the process.', () => {
      return stats.memory().residentBytes;
    }),
    memory('process_anonymous_memory_bytes', 'Resident memory that no file stands behind.', () => {
      return stats.memory().anonymousBytes;
    }),
    memory(
      'process_heap_used_bytes',
      'Used part of the JavaScript heap of the main thread.',
      () => {
        return stats.memory().heapUsedBytes;
      },
    ),
    memory('process_heap_bytes', 'JavaScript heap that the main thread holds.', () => {
      return stats.memory().heapTotalBytes;
    }),
    gauge(
      'process_external_memory_bytes',
      'Buffers of the main thread outside of its heap.',
      () => {
        return stats.memory().externalBytes;
      },
    ),
    {
      name: 'event_loop_delay_seconds',
      help: 'How late turns of the event loop came, since the start or since the last answer like this.',
      type: 'gauge',
      labelNames: ['since', 'percentile'],
      read: () => [
        ...delaySamples('start', stats.loopDelay()),
        ...delaySamples('scrape', stats.recentLoopDelay()),
      ],
    },
  ];
}

function delaySamples(since: string, delay: LoopDelay): FamilySample[] {
  const values = [
    ['50', delay.p50Ms],
    ['99', delay.p99Ms],
    ['99.9', delay.p999Ms],
    ['100', delay.maxMs],
  ] as const;
  return values.map(([percentile, ms]) => ({ labels: { since, percentile }, value: ms / 1000 }));
}
