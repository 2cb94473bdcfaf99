import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from './system-clock.ts';

test('sleeps as long as asked, and not at all when aborted before', async () => {
  const keepAlive = setTimeout(() => {}, 10_000);
  const startMs = systemClock.monotonicMs();
  await systemClock.sleep(20);
  assert.ok(systemClock.monotonicMs() - startMs >= 19);
  const reason = new Error('stopped');
  for (const delayMs of [0, 5, 2 ** 33]) {
    await assert.rejects(systemClock.sleep(delayMs, AbortSignal.abort(reason)), reason);
  }
  clearTimeout(keepAlive);
});

test('a sleep that is aborted rejects with the reason and leaves no listener or timer', async () => {
  const controller = new AbortController();
  const asleep = systemClock.sleep(2 ** 33, controller.signal);
  const reason = new Error('stopped');
  controller.abort(reason);
  await assert.rejects(asleep, reason);
});

test('sleep(0) lets a timer that is due run first', async () => {
  const order: string[] = [];
  setTimeout(() => order.push('timer'), 1);
  const startMs = systemClock.monotonicMs();
  while (systemClock.monotonicMs() - startMs < 5) order.length = 0;
  await systemClock.sleep(0);
  await systemClock.sleep(0);
  assert.deepEqual(order, ['timer']);
});
