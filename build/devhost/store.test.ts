import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Store } from './store.ts';

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);

test('an atomic write succeeds only over the expected value', () => {
  const store = new Store(':memory:');
  const write = (value: Uint8Array | null, oldValue: Uint8Array | null): boolean =>
    store.kvSetWithOptions('k', value, { atomic: true, oldValue, expireInSeconds: 0 });
  assert.equal(write(one, null), true);
  assert.equal(write(two, null), false);
  assert.equal(write(two, one), true);
  assert.deepEqual(store.kvGet('k'), two);
  assert.equal(write(null, one), false);
  assert.equal(write(null, two), true);
  assert.equal(store.kvGet('k'), null);
});

test('an expired key is absent for reading, listing and atomic writes', () => {
  let nowMs = 1_000;
  const store = new Store(':memory:', () => nowMs);
  store.kvSet('b', one, 15);
  store.kvSet('a', one);
  assert.deepEqual(store.kvList(0, 10), ['a', 'b']);
  nowMs += 15_000;
  assert.equal(store.kvGet('b'), null);
  assert.deepEqual(store.kvList(0, 10), ['a']);
  const insert = { atomic: true, oldValue: null, expireInSeconds: 0 };
  assert.equal(store.kvSetWithOptions('b', two, insert), true);
});

test('keys come in pages, and an empty value deletes', () => {
  const store = new Store(':memory:');
  for (const key of ['c', 'a', 'b']) store.kvSet(key, one);
  assert.deepEqual(store.kvList(0, 2), ['a', 'b']);
  assert.deepEqual(store.kvList(1, 2), ['c']);
  store.kvSet('a', new Uint8Array());
  assert.deepEqual(store.kvList(0, 2), ['b', 'c']);
  assert.throws(() => store.kvSet('x'.repeat(151), one), /invalid key/);
});

test("a query takes PostgreSQL's placeholders, in any order and more than once", () => {
  const store = new Store(':memory:');
  const rows = store.query('SELECT $2 AS b, $1 AS a, $2 AS c WHERE $3 IS NULL', ['x', 7, null]);
  assert.deepEqual(rows, { columns: ['b', 'a', 'c'], values: [[7, 'x', 7]] });
  assert.deepEqual(
    store.query('SELECT hostname FROM ClusterDiscovery WHERE Type = $1', ['mattermost_app']),
    { columns: ['hostname'], values: [] },
  );
});
