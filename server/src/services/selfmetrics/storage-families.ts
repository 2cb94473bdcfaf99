import type { HeadStats, WalStats } from '../../tsdb/index.ts';
import { counter, gauge } from './family.ts';
import type { MetricFamily } from './family.ts';

/** The database, as far as it is open. */
export interface StorageSource {
  head(): HeadStats | undefined;
  wal(): WalStats | undefined;
  /** Bytes of the log on disk; undefined while nobody has looked. */
  walBytes(): number | undefined;
  /** Whole blocks on the local disk. */
  blockCount(): number | undefined;
}

export function storageFamilies(source: StorageSource): MetricFamily[] {
  const head = (name: string, help: string, read: (stats: HeadStats) => number | undefined) =>
    gauge(name, help, () => {
      const stats = source.head();
      return stats && read(stats);
    });
  const seconds = (ms: number | undefined): number | undefined => ms && ms / 1000;
  return [
    head('head_series', 'Series in memory.', (stats) => stats.seriesCount),
    head('head_samples', 'Samples in memory.', (stats) => stats.sampleCount),
    head('head_chunks', 'Chunks in memory, open ones included.', (stats) => stats.chunkCount),
    head('head_chunk_bytes', 'Memory held for chunks.', (stats) => stats.chunkBytes),
    head('head_min_time_seconds', 'Unix time of the oldest sample in memory.', (stats) => {
      return seconds(stats.minTimeMs);
    }),
    head('head_max_time_seconds', 'Unix time of the newest sample in memory.', (stats) => {
      return seconds(stats.maxTimeMs);
    }),
    counter('head_appended_samples_total', 'Samples that were stored.', () => {
      return source.head()?.appendedSamples;
    }),
    {
      name: 'head_refused_samples_total',
      help: 'Samples that were not stored, by reason.',
      type: 'counter',
      labelNames: ['reason'],
      read: () => refused(source.head()),
    },
    gauge('blocks', 'Blocks on the local disk.', () => source.blockCount()),
    gauge('wal_bytes', 'Size of the write-ahead log on disk.', () => source.walBytes()),
    counter('wal_fsyncs_total', 'Syncs of the write-ahead log to disk.', () => {
      return source.wal()?.syncs;
    }),
    counter('wal_written_bytes_total', 'Bytes written to the write-ahead log.', () => {
      return source.wal()?.writtenBytes;
    }),
    counter(
      'wal_corruptions_total',
      'Damages found in the log when the database was opened.',
      () => {
        return source.wal()?.corruptions;
      },
    ),
  ];
}

function refused(stats: HeadStats | undefined) {
  if (stats === undefined) return [];
  return [
    { labels: { reason: 'out_of_order' }, value: stats.outOfOrderSamples },
    { labels: { reason: 'duplicate' }, value: stats.duplicateSamples },
    { labels: { reason: 'out_of_bounds' }, value: stats.outOfBoundsSamples },
  ];
}
