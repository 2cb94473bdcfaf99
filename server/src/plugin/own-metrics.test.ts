import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeProcessStats } from '../../test/support/fake-process-stats.ts';
import { MemoryFs } from '../../test/support/memory-fs.ts';
import { silentLogger } from '../base/log.ts';
import { OwnMetrics } from './own-metrics.ts';

/** The server may ask while it answers our own scrape. */
const ANSWER_MS_MAX = 5;
const ANSWERS = 51;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

test('answers at once, from memory', async () => {
  const metrics = new OwnMetrics({
    logger: silentLogger,
    process: new FakeProcessStats(),
    fs: new MemoryFs(),
    version: '1.2.3',
    targets: () => [],
    database: () => undefined,
    warningCount: () => 0,
    lastSyncMs: () => 1,
  });
  await metrics.registry.prepare();
  const answers: number[] = [];
  for (let i = 0; i < ANSWERS; i++) {
    let hasTurned = false;
    setImmediate(() => (hasTurned = true));
    const startMs = cpuMs();
    assert.match(await metrics.render(), /^mattermost_plugin_metrics_build_info/m);
    answers.push(cpuMs() - startMs);
    assert.ok(!hasTurned, 'it waited for something');
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Of this thread: what others take of the machine does not count.
  const middleMs = answers.toSorted((a, b) => a - b)[ANSWERS >> 1];
  assert.ok(middleMs < ANSWER_MS_MAX, `${middleMs} ms`);
});
