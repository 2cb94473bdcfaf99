// What is said of the samples that were collected, while nothing is collected any more.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CodedError } from '../src/base/errors.ts';
import { silentLogger } from '../src/base/log.ts';
import { ScrapeManager } from '../src/ingest/index.ts';
import { summarize } from '../src/services/stats/stats.ts';
import { Db, tsdbTasks } from '../src/tsdb/index.ts';
import { FakeHttp } from './kits/fake-http.ts';
import { FakeClock } from './support/fake-clock.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { MemoryFs } from './support/memory-fs.ts';

const INTERVAL_MS = 1000;
const TARGET = { url: 'http://a:1/metrics', labels: { job: 'prometheus', instance: 'a:1' } };

test('newest sample and series are those of targets, also after a restart', async () => {
  const [fs, http, clock] = [new MemoryFs(), new FakeHttp(), new FakeClock()];
  const parts = { fs, clock, logger: silentLogger, tasks: inlineTasks(tsdbTasks(fs)) };
  const open = (): Promise<Db> => Db.open({ ...parts, dir: 'tsdb', maintenanceIntervalMs: 0 });
  const down = new CodedError('ERR_HTTP_REFUSED', 'connection refused');
  const settings = {
    intervalMs: INTERVAL_MS,
    timeoutMs: 500,
    bodyLimitBytes: 0,
    sampleLimit: 0,
    honorTimestamps: true,
  };
  let db = await open();
  let manager: ScrapeManager;
  const start = (): void => {
    manager = new ScrapeManager({ http, appendable: db, clock, logger: silentLogger });
    manager.apply(settings, [TARGET]);
  };
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds * 10; i++) await clock.advance(INTERVAL_MS / 10);
  };
  start();
  http.answers.set(TARGET.url, down);
  await pass(10);
  assert.ok(db.headStats().sampleCount > 0, 'that it is down is stored');
  assert.deepEqual(db.headStats().scraped, { seriesCount: 0, newestMs: 0 });
  const zero = { min_t: 0, max_t: 0, num_samples: 0, num_series: 0 };
  assert.deepEqual(summarize([], [], db.headStats()), zero);

  http.answers.set(TARGET.url, 'a 1\nb{up="up"} 2\nc 3\n');
  await pass(10);
  const lastMs = clock.nowMs();
  http.answers.set(TARGET.url, down);
  await pass(20);
  const check = (): void => {
    const { scraped, maxTimeMs = 0 } = db.headStats();
    assert.ok(maxTimeMs > lastMs + 15_000);
    assert.ok(Math.abs((scraped?.newestMs ?? 0) - lastMs) <= 2 * INTERVAL_MS);
    assert.equal(summarize([], [], db.headStats()).max_t, scraped?.newestMs);
  };
  check();
  await pass(10);
  check();
  await db.close();
  db = await open();
  check();
  await db.close();
});
