import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { onAbort } from './abort-listeners.ts';

test('calls those that still listen, once, and listens to a signal once', () => {
  const controller = new AbortController();
  const { signal } = controller;
  const heard: string[] = [];
  for (let i = 0; i < 100; i++) onAbort(signal, () => heard.push('gone'))();
  onAbort(signal, () => heard.push('a'));
  const leave = onAbort(signal, () => heard.push('b'));
  onAbort(signal, () => heard.push('c'));
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  leave();
  controller.abort();
  controller.abort();
  assert.deepEqual(heard, ['a', 'c']);
});

test('the same function may listen to several signals', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  let calls = 0;
  const count = (): void => void calls++;
  onAbort(one.signal, count);
  onAbort(other.signal, count);
  one.abort();
  assert.equal(calls, 1);
  other.abort();
  assert.equal(calls, 2);
});
