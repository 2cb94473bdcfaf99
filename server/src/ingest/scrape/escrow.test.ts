import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeHttp } from '../../../test/kits/fake-http.ts';
import { RecordingStorage } from '../../../test/kits/recording-storage.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { ESCROW_MS_MAX } from '../limits.ts';
import { Escrow, type StorePermission } from './escrow.ts';
import { ScrapeManager } from './manager.ts';

const TARGET = {
  url: 'http://app1:8067/metrics',
  labels: { job: 'prometheus', instance: 'app1:8067' },
};
const SERIES = 'x{instance="app1:8067",job="prometheus"}';
const INTERVAL_MS = 10_000;

function setUp() {
  const http = new FakeHttp();
  const storage = new RecordingStorage();
  const clock = new FakeClock();
  const world = { permission: 'now' as StorePermission, failures: [] as (string | undefined)[] };
  const manager = new ScrapeManager({
    http,
    appendable: storage,
    clock,
    logger: silentLogger,
    mayStore: () => world.permission,
    onScrape: ({ failureCode }) => world.failures.push(failureCode),
  });
  const settings = { timeoutMs: 5_000, bodyLimitBytes: 0, sampleLimit: 0, honorTimestamps: true };
  manager.apply({ ...settings, intervalMs: INTERVAL_MS }, [TARGET]);
  let scrapes = 0;
  const scrape = async (count: number): Promise<void> => {
    for (let i = 0; i < count * (INTERVAL_MS / 500); i++) {
      http.answers.set(TARGET.url, `x ${http.requests.length}\n`);
      await clock.advance(500);
    }
    scrapes = http.requests.length;
  };
  const values = (): unknown[] => storage.values(SERIES);
  return { world, manager, scrape, values, clock, scrapes: () => scrapes };
}

test('what is scraped without permission is stored once there is one, in its order', async () => {
  const { world, manager, scrape, values, scrapes } = setUp();
  await scrape(2);
  const before = values().length;
  world.permission = 'later';
  await scrape(3);
  assert.equal(values().length, before, 'nothing is stored without permission');
  world.permission = 'now';
  await scrape(1);
  assert.equal(values().length, scrapes());
  assert.deepEqual(
    values(),
    [...values()].sort((a, b) => Number(a) - Number(b)),
  );
  assert.ok(world.failures.every((code) => code === undefined));
  await manager.stop();
});

test('it is stored without waiting for the next scrape when somebody says so', async () => {
  const { world, manager, scrape, values, scrapes } = setUp();
  world.permission = 'later';
  await scrape(3);
  assert.deepEqual(values(), []);
  manager.settle();
  await scrape(0);
  await Promise.resolve();
  assert.equal(values().length, scrapes());
  await manager.stop();
});

test('it is dropped when it may never be stored, with its stale markers', async () => {
  const { world, manager, scrape, values } = setUp();
  await scrape(1);
  const before = values();
  world.permission = 'later';
  await scrape(3);
  world.permission = 'never';
  await manager.stop();
  assert.deepEqual(values(), before);
});

test('no more is kept in memory than for half an hour, and a scrape beyond it says so', async () => {
  const { world, manager, scrape, values } = setUp();
  world.permission = 'later';
  await scrape(ESCROW_MS_MAX / INTERVAL_MS + 10);
  assert.equal(world.failures.at(-1), 'ERR_SCRAPE_STORE');
  manager.settle();
  await scrape(0);
  await Promise.resolve();
  const kept = values().length;
  assert.ok(kept >= ESCROW_MS_MAX / INTERVAL_MS && kept < world.failures.length, `${kept}`);
  await manager.stop();
});

test('one target with very many samples leaves room for those of the others', () => {
  const escrow = new Escrow(new FakeClock(), silentLogger);
  const appender = new RecordingStorage().appender();
  const keep = (samples: number, url: string, job = 'extra'): void => {
    escrow.keep(appender, samples, { url, labels: { job, instance: url } });
  };
  const full = { code: 'ERR_ESCROW_FULL' };
  while (isKept(() => keep(100_000, 'greedy')));
  assert.throws(() => keep(100_000, 'greedy'), full);
  for (let i = 0; i < 60; i++) keep(5000, 'app', 'prometheus');
  for (let i = 0; i < 100; i++) while (isKept(() => keep(100_000, `greedy ${i}`)));
  keep(10, 'late');
  assert.throws(() => keep(1_000_000, 'late'), full);
  escrow.drop();
  keep(400_000, 'greedy');
});

function isKept(keep: () => void): boolean {
  try {
    keep();
    return true;
  } catch {
    return false;
  }
}
