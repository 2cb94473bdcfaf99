// One target that wants all of what targets share: it fails, and says so; the others go on.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../src/base/log.ts';
import { ScrapeManager, type Target } from '../src/ingest/index.ts';
import { scrapeWarnings } from '../src/plugin/scrape-warnings.ts';
import { Db, type DbOptions, tsdbTasks } from '../src/tsdb/index.ts';
import { FakeHttp } from './kits/fake-http.ts';
import { FakeClock } from './support/fake-clock.ts';
import { SINGLE_SERVER } from './support/fake-host.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { MemoryFs } from './support/memory-fs.ts';

const INTERVAL_MS = 1000;
const SETTINGS = {
  intervalMs: INTERVAL_MS,
  timeoutMs: 500,
  bodyLimitBytes: 0,
  sampleLimit: 0,
  honorTimestamps: true,
};

function targetOf(job: string, instance: string): Target {
  return { url: `http://${instance}/metrics`, labels: { job, instance } };
}

const OWN = targetOf('prometheus', 'app:8067');
const OTHER = targetOf('node', 'app:9100');
const GREEDY = targetOf('extra', 'greedy:1');
const ALL = [OWN, OTHER, GREEDY];

const lines = (count: number, from = 0, pad = ''): string =>
  Array.from({ length: count }, (_, index) => `a{n="${pad}${from + index}"} 1\n`).join('');

async function world(fs: MemoryFs, clock: FakeClock, options: Partial<DbOptions> = {}) {
  const db = await Db.open({
    fs,
    dir: 'tsdb',
    clock,
    logger: silentLogger,
    tasks: inlineTasks(tsdbTasks(fs)),
    maintenanceIntervalMs: 0,
    seriesMax: 1000,
    ...options,
  });
  const http = new FakeHttp();
  const manager = new ScrapeManager({ http, appendable: db, clock, logger: silentLogger });
  const round = async (answers: readonly [Target, string][]): Promise<void> => {
    for (const [target, answer] of answers) http.answers.set(target.url, answer);
    manager.apply(SETTINGS, ALL);
    for (let i = 0; i < 20; i++) await clock.advance(INTERVAL_MS / 10);
  };
  const failures = (): (string | undefined)[] =>
    manager.targets().map(({ failureCode }) => failureCode);
  const end = async (): Promise<void> => {
    await manager.stop();
    await db.close();
  };
  return { db, manager, round, failures, end };
}

test('a target with too many series fails alone, with its name, its number and the limit', async () => {
  const fs = new MemoryFs();
  const clock = new FakeClock();
  const first = await world(fs, clock);
  await first.round([
    [GREEDY, lines(1000)],
    [OWN, lines(20)],
    [OTHER, lines(20)],
  ]);
  assert.deepEqual(first.failures(), [undefined, undefined, 'ERR_SERIES_SHARE']);
  await first.round([
    [OWN, lines(150)],
    [OTHER, lines(60, 100)],
  ]);
  assert.deepEqual(first.failures(), [undefined, undefined, 'ERR_SERIES_SHARE']);
  const { lastError = '' } = first.manager.targets()[2];
  assert.match(lastError, /500 series of the target greedy:1 \(job extra\).*the limit of 1000;/);

  const warnings = scrapeWarnings({
    config: { ...SINGLE_SERVER, metricsEnabled: true },
    hasLicense: true,
    targets: first.manager.targets(),
    wasUp: () => true,
  }).filter(({ warning }) => warning !== undefined);
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['series_limit'],
  );
  assert.doesNotMatch(warnings[0].warning?.action ?? '', /is running/);
  await first.end();

  // What the log holds counts after a restart.
  const second = await world(fs, clock);
  await second.round([[GREEDY, lines(1000, 5000)]]);
  assert.deepEqual(second.failures(), [undefined, undefined, 'ERR_SERIES_SHARE']);
  await second.round([[GREEDY, lines(10)]]);
  assert.deepEqual(second.failures(), [undefined, undefined, undefined], 'and is well again');
  await second.end();
});

test('its failure is recorded although it has no room for a series more', async () => {
  const { db, round, failures, end } = await world(new MemoryFs(), new FakeClock());
  await round([[GREEDY, lines(1000)]]);
  assert.deepEqual(failures()[2], 'ERR_SERIES_SHARE');
  // Of each target the five series that tell about it.
  assert.ok(db.headStats().sampleCount >= 15);
  await end();
});

test('ever new series of many targets leave room for the server and for those that have few', async () => {
  const { db, end } = await world(new MemoryFs(), new FakeClock());
  const add = (job: string, instance: string, n: number): void => {
    const labels = [
      { name: '__name__', value: 'a' },
      { name: 'instance', value: instance },
      { name: 'job', value: job },
      { name: 'n', value: String(n) },
    ];
    db.appender().series(labels);
  };
  for (let n = 0; n < 1000; n++) {
    for (const greedy of ['x', 'y', 'z']) {
      try {
        add('extra', greedy, n);
      } catch {
        // That is what it is about.
      }
    }
  }
  for (let n = 0; n < 10; n++) add('node', 'late', n);
  for (let n = 0; n < 200; n++) add('prometheus', 'app', n);
  await end();
});

test('long labels are a shared limit like the number of series', async () => {
  const options = { seriesMax: 100_000, labelBytesMax: 200_000 };
  const { round, failures, manager, end } = await world(new MemoryFs(), new FakeClock(), options);
  await round([
    [GREEDY, lines(30, 0, 'x'.repeat(10_000))],
    [OWN, lines(100)],
    [OTHER, lines(100)],
  ]);
  assert.deepEqual(failures(), [undefined, undefined, 'ERR_SERIES_SHARE']);
  assert.match(manager.targets()[2].lastError ?? '', /bytes of labels of the target greedy:1/);
  await end();
});
