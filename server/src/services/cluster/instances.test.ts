import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { FakeHost } from '../../../test/support/fake-host.ts';
import { silentLogger } from '../../base/log.ts';
import { HeldBack } from './held-back.ts';
import { Instances } from './instances.ts';
import type { InstanceReport } from './instances.ts';

type Own = Omit<InstanceReport, 'instance' | 'reportedMs'>;

const STANDS_BY: Own = {
  node: 'app2',
  version: '0.8.0',
  role: 'waiting',
  sinceMs: 0,
  lastSyncMs: 0,
  lastCopiedMs: 0,
  targets: [],
  head: undefined,
  warnings: [],
};

const SCRAPES: Own = {
  ...STANDS_BY,
  node: 'app1',
  role: 'scraper',
  sinceMs: 5,
  lastSyncMs: 6,
  lastCopiedMs: 5,
  targets: [
    {
      url: 'http://app1:8067/metrics',
      job: 'prometheus',
      instance: 'app1:8067',
      up: false,
      lastScrapeMs: 7,
      lastDurationMs: undefined,
      lastError: 'refused',
      samples: 0,
      refused: 1,
    },
  ],
  head: { seriesCount: 1, sampleCount: 2, minTimeMs: 3, maxTimeMs: undefined },
  warnings: [
    { code: 'c', message: 'm' },
    { code: 'd', message: 'n', action: 'a' },
  ],
};

function setUp() {
  const clock = new FakeClock();
  const host = new FakeHost({}, {});
  host.nowMs = () => clock.nowMs();
  const world = { isCluster: true, isDown: false };
  const kv = {
    ...host.kv,
    keys: (prefix: string) =>
      world.isDown ? new Promise<string[]>(() => {}) : host.kv.keys(prefix),
  };
  const start = (instance: string, own: Own): Instances => {
    const isCluster = (): boolean => world.isCluster;
    const options = { kv, clock, logger: silentLogger, instance, isCluster, report: () => own };
    const instances = new Instances(options);
    instances.start();
    return instances;
  };
  return { clock, host, world, start };
}

test('each instance knows all that the others report, and forgets those that are gone', async () => {
  const { clock, host, start } = setUp();
  const a = start('a', SCRAPES);
  const b = start('b', STANDS_BY);
  await settle();
  const reportedMs = clock.nowMs();
  assert.deepEqual(await b.list(), [
    { instance: 'a', reportedMs, ...SCRAPES },
    { instance: 'b', reportedMs, ...STANDS_BY },
  ]);
  await a.stop();
  for (let i = 0; i < 5; i++) await clock.advance(1_000);
  assert.deepEqual(
    (await b.list()).map(({ node }) => node),
    ['app2'],
  );

  // One that was killed takes nothing away.
  await host.kv.setFor('instance_c', new TextEncoder().encode('{"node":"app3"}'), 60);
  for (let i = 0; i < 5; i++) await clock.advance(1_000);
  assert.equal((await b.list()).length, 2);
  for (let i = 0; i < 60; i++) await clock.advance(1_000);
  assert.equal((await b.list()).length, 1);
});

test('rows that are none do no harm', async () => {
  const { clock, host, start } = setUp();
  const b = start('b', STANDS_BY);
  for (const [index, row] of ['{', '[]', '7', '{"node":7,"targets":7,"head":7}'].entries()) {
    host.values.set(`instance_x${index}`, row);
  }
  await clock.advance(5_000);
  const others = (await b.list()).filter(({ instance }) => instance !== 'b');
  assert.deepEqual(
    others.map(({ node, targets, head }) => [node, targets, head?.sampleCount]),
    [['', [], 0]],
  );
});

test('a database that does not answer is not waited for: what was known is told', async () => {
  const { clock, world, start } = setUp();
  start('a', SCRAPES);
  const b = start('b', STANDS_BY);
  await settle();
  assert.equal((await b.list()).length, 2);
  world.isDown = true;
  await clock.advance(5_000);
  const listing = b.list();
  await clock.advance(2_000);
  assert.equal((await listing).length, 2);
});

test('outside of a cluster nothing is written and nobody is there', async () => {
  const { clock, host, world, start } = setUp();
  world.isCluster = false;
  const a = start('a', SCRAPES);
  await clock.advance(60_000);
  assert.deepEqual(await a.list(), []);
  assert.equal(host.values.size, 0);
});

test('what a node holds back is known until it is stored, over restarts and for three days', async () => {
  const { clock, host } = setUp();
  const heldBack = (): HeldBack => new HeldBack(host.kv, clock, () => 'app1');
  const sinceMs = clock.nowMs();
  await heldBack().mark();
  await clock.advance(7_200_000);
  const again = heldBack();
  await again.mark();
  assert.deepEqual(await again.list(), [{ node: 'app1', sinceMs }]);
  await again.clear();
  assert.deepEqual(await again.list(), []);
  await again.mark();
  await clock.advance(3 * 24 * 3_600_000 + 1);
  assert.deepEqual(await again.list(), []);
});
