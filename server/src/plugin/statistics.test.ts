import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryFileStore } from '../../test/support/memory-file-store.ts';
import { silentLogger } from '../base/log.ts';
import { STORE_BLOCKS_DIR } from '../filestore/layout.ts';
import { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import type { StoreStats } from '../services/stats/stats.ts';
import { Statistics } from './statistics.ts';

const ULID = '01JD0000000000000000000001';
const META = {
  ulid: ULID,
  minTime: 1,
  maxTime: 11,
  stats: { numSamples: 7, numSeries: 2, numChunks: 2 },
  compaction: { level: 1, sources: [ULID] },
  version: 1,
};

test('statistics come within 3 s of a store that hangs: as last known, with since when', async () => {
  const clock = new FakeClock();
  const store = new MemoryFileStore();
  store.put(`${STORE_BLOCKS_DIR}/${ULID}/meta.json`, JSON.stringify(META));
  const statistics = new Statistics({
    clock,
    logger: silentLogger,
    catalog: new BlockCatalog(),
    fileStore: { current: store, require: () => store, suspect: () => undefined },
    database: () => undefined,
    otherHead: async () => undefined,
    bounds: () => ({ presentMs: -Infinity, horizonMs: Infinity, oldestMs: -Infinity }),
  });
  const askedMs = clock.nowMs();
  const known = await statistics.collect();
  assert.deepEqual([known.num_samples, known.as_of], [7, askedMs]);
  store.list = () => new Promise(() => {});
  await clock.advance(60_000);
  let stats: StoreStats | undefined;
  void statistics.collect().then((found) => (stats = found));
  await clock.advance(2_900);
  assert.equal(stats, undefined);
  await clock.advance(200);
  assert.deepEqual(stats, known);
});
