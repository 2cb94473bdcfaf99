import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Random, fuzzSeed } from '../../../test/kits/random.ts';
import { keyedHash } from './key-hash.ts';
import { NO_ENTRY, SeriesCache } from './series-cache.ts';

const encoder = new TextEncoder();

/** Runs one scrape of `keys`; refs come from `refOf`. Returns the keys that are new. */
function scrape(cache: SeriesCache, keys: string[], refOf: (key: string) => number): string[] {
  const added: string[] = [];
  cache.begin();
  for (const key of keys) {
    const bytes = encoder.encode(`--${key}--`);
    let entry = cache.find(bytes, 2, bytes.length - 2);
    if (entry === NO_ENTRY) entry = cache.add(bytes, 2, bytes.length - 2, refOf(key));
    assert.equal(cache.refs[entry], refOf(key));
    if (cache.follow(entry)) added.push(key);
    cache.markAlive(entry);
  }
  return added;
}

function keyOf(cache: SeriesCache, entry: number): string {
  return new TextDecoder().decode(cache.keys.subarray(cache.starts[entry], cache.ends[entry]));
}

function vanishedKeys(cache: SeriesCache): string[] {
  return cache.vanished().map((entry) => keyOf(cache, entry));
}

const refOf = (key: string): number => Number(/\d+/.exec(key)?.[0] ?? 0) + 1;

test('expects the order of the last scrape', () => {
  const cache = new SeriesCache();
  const keys = ['a1', 'a2', 'a3'];
  scrape(cache, keys, refOf);
  cache.stored(true);
  cache.begin();
  for (const key of keys) {
    assert.equal(keyOf(cache, cache.expected), key);
    cache.follow(cache.expected);
  }
  assert.equal(cache.expected, NO_ENTRY);
});

test('counts a series as new after it was missing from a stored scrape, not after a failed one', () => {
  const cache = new SeriesCache();
  assert.deepEqual(scrape(cache, ['a1', 'a2'], refOf), ['a1', 'a2']);
  cache.stored(true);
  cache.begin();
  cache.stored(false);
  assert.deepEqual(scrape(cache, ['a1'], refOf), []);
  cache.stored(true);
  assert.deepEqual(scrape(cache, ['a1', 'a2'], refOf), ['a2']);
});

test('reports what vanished from storage’s point of view', () => {
  const cache = new SeriesCache();
  scrape(cache, ['a1', 'a2'], refOf);
  assert.deepEqual(vanishedKeys(cache), [], 'nothing was alive before');
  cache.stored(true);
  scrape(cache, ['a1'], refOf);
  assert.deepEqual(vanishedKeys(cache), ['a2']);
  cache.abandon();
  scrape(cache, ['a2'], refOf);
  assert.deepEqual(vanishedKeys(cache), ['a1'], 'an abandoned scrape changed nothing');
  cache.stored(true);
  cache.begin();
  assert.deepEqual(vanishedKeys(cache), ['a2'], 'a failed scrape has nothing');
  cache.stored(false);
  cache.begin();
  assert.deepEqual(vanishedKeys(cache), [], 'stale markers are written once');
});

test('a series that is only written differently has not vanished', () => {
  const cache = new SeriesCache();
  scrape(cache, ['x{a="1"}', 'other7'], refOf);
  cache.stored(true);
  scrape(cache, ['x {a="1"}'], refOf);
  assert.deepEqual(vanishedKeys(cache), ['other7']);
});

test('agrees with plain sets over random scrapes, and forgets what stays away', (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`FUZZ_SEED=${seed}`);
  const random = new Random(seed);
  const cache = new SeriesCache(() => random.next());
  let alive = new Set<string>();
  let known = new Set<string>();
  let base = 0;
  let hasFailed = false;
  let failed: string[] = [];
  for (let round = 0; round < 60; round++) {
    if (random.int(5) === 0) base += random.int(8000);
    const keys: string[] = [];
    for (let i = 0; i < 1500; i++) if (random.int(10) > 0) keys.push(`series${base + i}`);
    if (random.int(3) === 0) keys.reverse();
    const added = scrape(cache, keys, refOf);
    assert.deepEqual(added.sort(), keys.filter((key) => !known.has(key)).sort());
    const gone = [...alive].filter((key) => !keys.includes(key));
    assert.deepEqual(vanishedKeys(cache).sort(), gone.sort());
    // Two failures in a row may make the cache forget; see the next test.
    if (round > 0 && random.int(4) === 0 && !hasFailed) {
      hasFailed = true;
      cache.abandon();
      failed = keys;
      for (const key of keys) known.add(key);
    } else {
      hasFailed = false;
      cache.stored(true);
      alive = new Set(keys);
      // As in Prometheus, what a failed scrape had counts as known until the next round.
      known = new Set([...keys, ...failed]);
      failed = [];
    }
    assert.ok(cache.size < 8000, `${cache.size} entries`);
  }
});

test('memory stays bounded when every scrape fails with new series', () => {
  const cache = new SeriesCache();
  for (let round = 0; round < 50; round++) {
    scrape(
      cache,
      Array.from({ length: 1000 }, (_, i) => `s${round * 1000 + i}`),
      refOf,
    );
    cache.abandon();
  }
  assert.ok(cache.size < 6000, `${cache.size} entries`);
});

test('the hash uses every byte, the length and the key', () => {
  const bytes = encoder.encode('go_gc_duration_seconds{quantile="0.25"}');
  const hashes = new Set<number>();
  for (let end = 0; end <= bytes.length; end++) hashes.add(keyedHash(bytes, 0, end, 1, 2));
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice();
    changed[i] ^= 1;
    hashes.add(keyedHash(changed, 0, changed.length, 1, 2));
  }
  hashes.add(keyedHash(bytes, 0, bytes.length, 1, 3));
  hashes.add(keyedHash(bytes, 0, bytes.length, 2, 2));
  assert.equal(hashes.size, bytes.length * 2 + 3);
});
