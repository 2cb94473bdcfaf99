import type { AppendResult } from '../../storage/appender.ts';
import type { Head } from '../head/head.ts';
import { scrapedFacts } from '../head/scraped-facts.ts';
import type { HeadStats } from './options.ts';

/** @param counts what became of samples since the database was opened */
export function headStatsOf(head: Head, counts: Readonly<Record<AppendResult, number>>): HeadStats {
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
