import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { RepeatingTask } from './repeating-task.ts';
import type { RepeatingTaskOptions } from './repeating-task.ts';

const PERIOD_MS = 10_000;

/** A loop, and when each of its turns began. */
function bench(run: () => Promise<void>, more: Partial<RepeatingTaskOptions> = {}) {
  const clock = new FakeClock(0);
  const turnsMs: number[] = [];
  const errors: unknown[] = [];
  const task = new RepeatingTask({
    clock,
    periodMs: () => PERIOD_MS,
    run: () => {
      turnsMs.push(clock.monotonicMs());
      return run();
    },
    onError: (error) => errors.push(error),
    ...more,
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) await clock.advance(1000);
  };
  return { task, turnsMs, errors, pass };
}

test('failed turns are tried again, after a period at the latest', async () => {
  const { task, turnsMs, errors, pass } = bench(() => Promise.reject(new Error('no')));
  task.start();
  await settle();
  await pass(200);
  const waitsMs = turnsMs.slice(1).map((timeMs, i) => timeMs - turnsMs[i]);
  assert.ok(waitsMs[0] <= 2000, `${waitsMs[0]} ms after the first failure`);
  assert.ok(waitsMs.length >= 20, String(waitsMs));
  for (const waitMs of waitsMs) assert.ok(waitMs <= PERIOD_MS, String(waitsMs));
  assert.equal(errors.length, turnsMs.length);
  await task.stop();
  await pass(20);
  assert.equal(errors.length, turnsMs.length, 'no turn follows a stop');
});

test('a loop with a long period, or none, goes on soon after a long trouble', async () => {
  const more = { periodMs: () => 2 ** 31 - 1, retryMaxMs: 30_000 };
  let isWell = false;
  const run = (): Promise<void> => (isWell ? Promise.resolve() : Promise.reject(new Error('no')));
  const { task, turnsMs, errors, pass } = bench(run, more);
  task.start();
  await pass(3_600);
  isWell = true;
  await pass(40);
  assert.equal(turnsMs.length, errors.length + 1);
  await task.stop();
});

test('a wake puts the next turn forward, and asks for another one behind that under way', async () => {
  let end = (): void => {};
  const { task, turnsMs, pass } = bench(() => new Promise((resolve) => (end = resolve)));
  task.start();
  await settle();
  task.wake();
  await pass(3);
  assert.deepEqual(turnsMs, [0]);
  end();
  await settle();
  assert.deepEqual(turnsMs, [0, 3000]);
  end();
  await pass(1);
  task.wake(2000);
  await pass(2);
  assert.deepEqual(turnsMs, [0, 3000, 6000]);
  end();
  await task.stop();
});
