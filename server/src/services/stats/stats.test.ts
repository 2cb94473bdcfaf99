import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { BlockMeta, HeadStats } from '../../tsdb/index.ts';
import { summarize } from './stats.ts';

function block(ulid: string, minTime: number, maxTime: number, sources = [ulid]): BlockMeta {
  return {
    ulid,
    minTime,
    maxTime,
    stats: { numSamples: maxTime - minTime, numSeries: maxTime % 7, numChunks: 1 },
    compaction: { level: sources.length, sources },
    version: 1,
  };
}

const emptyHead: HeadStats = {
  seriesCount: 0,
  sampleCount: 0,
  chunkCount: 0,
  chunkBytes: 0,
  minTimeMs: undefined,
  maxTimeMs: undefined,
  appendedSamples: 0,
  outOfOrderSamples: 0,
  duplicateSamples: 0,
  outOfBoundsSamples: 0,
};

describe('statistics', () => {
  it('are zero without samples', () => {
    const zero = { min_t: 0, max_t: 0, num_samples: 0, num_series: 0 };
    assert.deepEqual(summarize([], [], undefined), zero);
    assert.deepEqual(summarize([], [], emptyHead), zero);
  });

  it('are about what targets have sent, not about what is noted of those that are silent', () => {
    const silent = { ...emptyHead, seriesCount: 5, sampleCount: 50, minTimeMs: 1, maxTimeMs: 90 };
    const nothing = { ...silent, scraped: { seriesCount: 0, newestMs: 0 } };
    const zero = { min_t: 0, max_t: 0, num_samples: 0, num_series: 0 };
    assert.deepEqual(summarize([], [], nothing), zero);
    const once = { ...silent, scraped: { seriesCount: 2, newestMs: 30 } };
    assert.deepEqual(summarize([block('A', 0, 20)], [], once), {
      min_t: 0,
      max_t: 30,
      num_samples: 70,
      num_series: 6,
    });
  });

  it('add up store, local blocks and head, each sample once', () => {
    const a = block('A', 0, 10);
    const b = block('B', 10, 20);
    const c = block('C', 20, 25);
    const merged = block('M', 0, 20, ['A', 'B']);
    const head = { ...emptyHead, seriesCount: 3, sampleCount: 9, minTimeMs: 25, maxTimeMs: 33 };
    assert.deepEqual(summarize([merged, a], [a, b, c], head), {
      min_t: 0,
      max_t: 33,
      num_samples: 20 + 5 + 9,
      num_series: 6,
    });
  });
});
