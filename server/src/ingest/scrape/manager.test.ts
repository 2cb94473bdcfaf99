import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../../base/log.ts';
import { FakeHttp } from '../../../test/kits/fake-http.ts';
import { RecordingStorage } from '../../../test/kits/recording-storage.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { ScrapeManager } from './manager.ts';
import { Schedule, spreadHash } from './schedule.ts';
import type { ScrapeSettings, Target } from './types.ts';

const SETTINGS: ScrapeSettings = {
  intervalMs: 60_000,
  timeoutMs: 10_000,
  bodyLimitBytes: 0,
  sampleLimit: 0,
  honorTimestamps: true,
};

function target(port: number): Target {
  const instance = `localhost:${port}`;
  return { url: `http://${instance}/metrics`, labels: { job: 'node', instance } };
}

function targets(count: number): Target[] {
  return Array.from({ length: count }, (_, i) => target(9000 + i));
}

interface Bench {
  readonly http: FakeHttp;
  readonly storage: RecordingStorage;
  readonly clock: FakeClock;
  readonly manager: ScrapeManager;
}

function bench(): Bench {
  const http = new FakeHttp();
  const storage = new RecordingStorage();
  const clock = new FakeClock();
  const manager = new ScrapeManager({ http, appendable: storage, clock, logger: silentLogger });
  return { http, storage, clock, manager };
}

async function pass(clock: FakeClock, totalMs: number, stepMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < totalMs; passedMs += stepMs) await clock.advance(stepMs);
}

test('all new targets are scraped within two seconds, then once per interval each', async () => {
  const { http, clock, manager } = bench();
  manager.apply(SETTINGS, targets(20));
  await pass(clock, 2000, 250);
  assert.equal(new Set(http.requests.map(({ url }) => url)).size, 20);
  await pass(clock, 60_000, 1000);
  const after = http.requests.length;
  await pass(clock, 60_000, 1000);
  assert.equal(http.requests.length - after, 20);
  await manager.stop();
});

test('targets that stay keep their loop; one that goes is ended; one that is new is begun', async () => {
  const { http, storage, clock, manager } = bench();
  const [a, b, c] = targets(3);
  for (const { url } of [a, b, c]) http.answers.set(url, 'x 1\n');
  manager.apply(SETTINGS, [a, b]);
  await pass(clock, 2000, 250);
  const made = storage.seriesCalls;
  manager.apply(SETTINGS, [b, c, c]);
  assert.deepEqual(
    manager.targets().map(({ instance, up }) => [instance, up]),
    [
      [b.labels.instance, true],
      [c.labels.instance, false],
    ],
  );
  await pass(clock, 2000, 250);
  assert.equal(storage.seriesCalls - made, 6, 'only the new target’s series are made');
  assert.deepEqual(storage.values(`x{instance="${a.labels.instance}",job="node"}`), [1, 'stale']);
  assert.deepEqual(storage.values(`up{instance="${a.labels.instance}",job="node"}`), [1, 'stale']);
  assert.equal(
    storage.values(`x{instance="${b.labels.instance}",job="node"}`).includes('stale'),
    false,
  );
  await manager.stop();
});

test('a new interval holds at once', async () => {
  const { http, clock, manager } = bench();
  manager.apply({ ...SETTINGS, intervalMs: 3_600_000 }, [target(1)]);
  await pass(clock, 2000, 250);
  assert.equal(http.requests.length, 1);
  manager.apply({ ...SETTINGS, intervalMs: 10_000, timeoutMs: 5000 }, [target(1)]);
  await pass(clock, 10_000, 500);
  assert.equal(http.requests.length, 2);
  assert.equal(http.requests[1].options.timeoutMs, 5000);
  manager.apply({ ...SETTINGS, intervalMs: 3_600_000 }, [target(1)]);
  await pass(clock, 60_000, 1000);
  assert.ok(http.requests.length <= 3);
  await manager.stop();
});

test('a target that hangs does not hold up the others', async () => {
  const { http, storage, clock, manager } = bench();
  const [slow, good] = targets(2);
  http.answers.set(slow.url, () => new Promise(() => {}));
  http.answers.set(good.url, 'x 1\n');
  manager.apply({ ...SETTINGS, intervalMs: 1000 }, [slow, good]);
  await pass(clock, 10_000, 100);
  const count = storage.values(`x{instance="${good.labels.instance}",job="node"}`).length;
  assert.ok(count >= 9, String(count));
  await manager.stop();
});

test('the loop outlives a storage that throws where it never should', async () => {
  const http = new FakeHttp();
  const clock = new FakeClock();
  const appendable = {
    appender: () => {
      throw new Error('closed');
    },
  };
  const manager = new ScrapeManager({ http, appendable, clock, logger: silentLogger });
  manager.apply({ ...SETTINGS, intervalMs: 1000 }, [target(1)]);
  await pass(clock, 5000, 100);
  assert.ok(http.requests.length >= 4);
  assert.match(manager.targets()[0].lastError ?? '', /closed/);
  await manager.stop();
});

test('a stop ends when storage takes no stale markers', async () => {
  const { http, storage, clock, manager } = bench();
  http.answers.set(target(1).url, 'x 1\n');
  manager.apply(SETTINGS, [target(1)]);
  await pass(clock, 2000, 250);
  let asked = 0;
  storage.appender = () => {
    asked++;
    throw new Error('closed');
  };
  await manager.stop();
  assert.equal(asked, 1);
});

test('places in the interval are spread evenly', () => {
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 1000; i++) buckets[Math.floor(spreadHash(`target ${i}`) / 2 ** 32 / 0.1)]++;
  for (const count of buckets) assert.ok(count > 60 && count < 140, buckets.join(' '));
});

test('the schedule keeps its place over late turns and clock jumps', () => {
  const schedule = new Schedule(60_000, 2 ** 31);
  const base = 60_000 * 1_000_000;
  const slot = base + 30_000;
  const cases: [title: string, nowMs: number, lastMs: number, expected: number][] = [
    ['on time', slot + 3, slot, slot + 60_000],
    ['a timer that fired early', slot - 1, slot, slot + 60_000],
    ['a scrape that took long', slot + 59_999, slot, slot + 60_000],
    ['a turn missed', slot + 60_001, slot, slot + 120_000],
    ['asleep for hours', slot + 7_200_000, slot, slot + 7_260_000],
    ['clock set back by an hour', slot - 3_600_001, slot, slot - 3_600_000],
    ['clock set forward', slot + 3_600_001, slot, slot + 3_660_000],
  ];
  for (const [title, nowMs, lastMs, expected] of cases) {
    assert.equal(schedule.nextMs(nowMs, lastMs), expected, title);
  }
  assert.equal(schedule.firstMs(base), base + 1000, 'soon, since its place is 30 s off');
  assert.equal(schedule.firstMs(slot - 500), slot, 'its place, since that is sooner');
  assert.equal(schedule.timestampMs(slot + 50, slot), slot);
  assert.equal(schedule.timestampMs(slot + 51, slot), slot + 51);
  assert.equal(new Schedule(1000, 0).timestampMs(slot + 11, slot), slot + 11);
});
