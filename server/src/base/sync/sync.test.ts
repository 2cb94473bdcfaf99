import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from './backoff.ts';
import { Mutex } from './mutex.ts';

test('sections run one at a time, in the order of the calls', async () => {
  const mutex = new Mutex();
  const events: string[] = [];
  const section = (name: string) =>
    mutex.run(async () => {
      events.push(`${name} begins`);
      await Promise.resolve();
      events.push(`${name} ends`);
      return name;
    });
  assert.deepEqual(await Promise.all([section('a'), section('b')]), ['a', 'b']);
  assert.deepEqual(events, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('a failed section fails its caller alone', async () => {
  const mutex = new Mutex();
  const failed = mutex.run(() => Promise.reject(new Error('no')));
  const next = mutex.run(() => Promise.resolve('yes'));
  await assert.rejects(failed, /no/);
  assert.equal(await next, 'yes');
});

test('waits double up to the limit, with at most a quarter of jitter, and start over', () => {
  const backoff = new Backoff(100, 500, () => 1);
  assert.deepEqual(
    [backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()],
    [125, 250, 500, 625],
  );
  backoff.reset();
  assert.equal(backoff.nextMs(), 125);
});
