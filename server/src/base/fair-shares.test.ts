import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Random, fuzzSeed } from '../../test/kits/random.ts';
import { FairShares } from './fair-shares.ts';

/** Takes as much as there is room for, `step` at a time; how much that was. */
function takeAll(shares: FairShares, key: string, isFirst = false, step = 1): number {
  let taken = 0;
  for (; shares.hasRoom(key, step, isFirst); taken += step) shares.take(key, step, isFirst);
  return taken;
}

test('one consumer gets half, and the others have the rest', () => {
  const shares = new FairShares(1000);
  assert.equal(takeAll(shares, 'greedy'), 500);
  assert.ok(takeAll(shares, 'a') >= 100);
  assert.ok(takeAll(shares, 'own', true) >= 300);
  assert.ok(takeAll(shares, 'b') >= 1);
});

test('however many are greedy, others and the first find room, and what goes makes room', () => {
  const shares = new FairShares(1000);
  for (let i = 0; i < 60; i++) shares.take('known', 1);
  for (let i = 0; i < 10; i++) takeAll(shares, `greedy ${i}`);
  assert.ok(takeAll(shares, 'new') >= 5);
  assert.ok(takeAll(shares, 'known') >= 5, 'it keeps what it has, and gets some more');
  assert.ok(takeAll(shares, 'own', true) >= 200);
  assert.equal(shares.hasRoom('greedy 0', 1), false);
  shares.giveBack('greedy 0', shares.usedBy('greedy 0'));
  assert.ok(takeAll(shares, 'greedy 1') > 0);
});

test('what was taken without asking counts', () => {
  const shares = new FairShares(100);
  shares.take('log', 90);
  assert.equal(shares.hasRoom('log', 1), false);
  assert.equal(shares.hasRoom('other', 11), false);
  shares.giveBack('log', 90);
  assert.deepEqual([shares.usedBy('log'), takeAll(shares, 'other')], [0, 50]);
});

test('never more than the limit, and never nothing for who has nothing', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`FUZZ_SEED=${seed}`);
  const random = new Random(seed);
  const shares = new FairShares(10_000);
  const keys = Array.from({ length: 12 }, (_, index) => `${index}`);
  const total = (): number => keys.reduce((sum, key) => sum + shares.usedBy(key), 0);
  for (let i = 0; i < 20_000; i++) {
    const key = random.pick(keys);
    const amount = 1 + random.int(random.pick([5, 500]));
    const isFirst = key === '0';
    if (random.int(5) === 0) {
      shares.giveBack(key, random.int(shares.usedBy(key) + 1));
    } else if (shares.hasRoom(key, amount, isFirst)) {
      shares.take(key, amount, isFirst);
      assert.ok(total() <= shares.limit && shares.usedBy(key) <= shares.oneMax);
    }
    assert.ok(shares.hasRoom('new', 1), 'a consumer that has nothing');
    assert.ok(shares.usedBy('0') >= 2000 || shares.hasRoom('0', 1, true), 'the first');
  }
});
