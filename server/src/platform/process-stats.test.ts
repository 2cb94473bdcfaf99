import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { NodeProcessStats } from './process-stats.ts';

const stats = new NodeProcessStats();
after(() => stats.close());

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

test('memory and CPU time are those that the engine tells', () => {
  const { residentBytes, anonymousBytes, heapUsedBytes, heapTotalBytes } = stats.memory();
  const ratio = residentBytes / process.memoryUsage.rss();
  assert.ok(ratio > 0.5 && ratio < 2, `${residentBytes} bytes`);
  assert.ok(anonymousBytes > 0 && anonymousBytes <= residentBytes);
  assert.ok(heapUsedBytes > 0 && heapUsedBytes <= heapTotalBytes);
  const before = stats.cpu().userSeconds;
  const startUs = process.cpuUsage().user;
  while (process.cpuUsage().user - startUs < 50_000);
  const used = stats.cpu().userSeconds - before;
  assert.ok(used >= 0.05 && used < 5, `${used} s`);
  assert.ok(Math.abs(stats.startTimeMs - (Date.now() - performance.now())) < 1_000);
});

test('a blocked event loop is seen, and belongs to the interval in which it was', async () => {
  await delay(250);
  block(400);
  await delay(250);
  assert.ok(stats.recentLoopDelay().maxMs > 100, JSON.stringify(stats.recentLoopDelay()));
  stats.beginInterval();
  assert.equal(stats.recentLoopDelay().maxMs, 0);
  assert.ok(stats.loopDelay().maxMs > 100);
  const { p50Ms, p99Ms, p999Ms, maxMs } = stats.loopDelay();
  assert.ok(p50Ms <= p99Ms && p99Ms <= p999Ms && p999Ms <= maxMs);
});
