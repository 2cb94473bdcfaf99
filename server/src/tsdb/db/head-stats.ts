import type { AppendResult } from '../../storage/appender.ts';
import type { Head } from '../head/head.ts';
import { scrapedFacts } from '../head/scraped-facts.ts';
import type { HeadStats } from './options.ts';

/** How many samples had which result. */
export type ResultCounts = Record<AppendResult, number>;

export function noResults(): ResultCounts {
  return { appended: 0, duplicate: 0, conflict: 0, out_of_order: 0, out_of_bounds: 0 };
}

export function headStatsOf(head: Head, counts: ResultCounts): HeadStats {
  const isEmpty = head.sampleCount === 0;
  return {
    seriesCount: head.table.count,
    sampleCount: head.sampleCount,
    chunkCount: head.chunkCount,
    chunkBytes: head.chunkBytes,
    minTimeMs: isEmpty ? undefined : head.minTimeMs,
    maxTimeMs: isEmpty ? undefined : head.maxTimeMs,
    get scraped() {
      return scrapedFacts(head.table);
    },
    appendedSamples: counts.appended,
    outOfOrderSamples: counts.out_of_order,
    duplicateSamples: counts.duplicate + counts.conflict,
    outOfBoundsSamples: counts.out_of_bounds,
  };
}
