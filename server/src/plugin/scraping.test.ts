import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeHttp } from '../../test/kits/fake-http.ts';
import { RecordingStorage } from '../../test/kits/recording-storage.ts';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { silentLogger } from '../base/log.ts';
import type { ScrapeResult } from '../ingest/index.ts';
import { parseSettings } from '../services/config/parse-settings.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import { Scraping } from './scraping.ts';
import { makeWatches } from './watches.ts';

const SERVER = 'http://localhost:8067/metrics';
const CALLS_ID = 'com.mattermost.calls';
const CALLS = `http://localhost:8067/plugins/${CALLS_ID}/metrics`;
const RTCD = 'http://10.0.0.1:8045/metrics';

function setUp() {
  const host = new FakeHost({}, { enablenodeexportertargets: false });
  const world = {
    host,
    http: new FakeHttp(),
    storage: new RecordingStorage(),
    clock: new FakeClock(),
    board: new WarningBoard(silentLogger),
    resolve: async (): Promise<string[]> => ['10.0.0.1'],
    results: [] as ScrapeResult[],
  };
  const scraping = new Scraping({
    host,
    http: world.http,
    resolver: { resolve: () => world.resolve() },
    clock: world.clock,
    logger: silentLogger,
    board: world.board,
    settings: () => parseSettings(host.settings).settings,
    watches: makeWatches(new Watchdog(world.clock, silentLogger), world.board),
    userAgent: 'test',
    pluginId: 'us',
    onConfig: () => {},
    onScrape: (result) => world.results.push(result),
  });
  scraping.open(world.storage, () => 'now');
  const urls = (): string[] => scraping.targets().map(({ url }) => url);
  return { scraping, world, urls };
}

test('the server is a target at once, however long RTCD takes to be found', async () => {
  const { scraping, world, urls } = setUp();
  world.host.runningPlugins.add(CALLS_ID);
  world.host.config = { ...world.host.config, rtcdServiceUrl: 'http://rtcd:8045' };
  let answer: (addresses: string[]) => void = () => {};
  world.resolve = () => new Promise((resolve) => (answer = resolve));
  scraping.start();
  await settle();
  const own = 'http://localhost:8067/plugins/us/metrics';
  assert.deepEqual(urls(), [SERVER, own]);
  answer(['10.0.0.1']);
  await settle();
  assert.deepEqual(urls(), [SERVER, own, CALLS, RTCD]);
  await scraping.stop();
});

test('Calls, its settings and ours are followed within a minute, or when something changes', async () => {
  const { scraping, world, urls } = setUp();
  scraping.start();
  await settle();
  assert.ok(!urls().includes(CALLS));
  world.host.runningPlugins.add(CALLS_ID);
  for (let i = 0; i < 61; i++) await world.clock.advance(1_000);
  assert.ok(urls().includes(CALLS) && !urls().includes(RTCD));
  world.host.config = { ...world.host.config, rtcdServiceUrl: 'http://rtcd:8045' };
  scraping.wake();
  await settle();
  assert.ok(urls().includes(RTCD));
  Object.assign(world.host.settings, {
    extratargets: 'http://db1:9187/metrics postgres',
    callsoffloaderhosts: 'off1',
  });
  world.host.runningPlugins.clear();
  scraping.wake();
  await settle();
  assert.deepEqual(urls().slice(2), ['http://off1:9100/metrics', 'http://db1:9187/metrics']);
  assert.deepEqual(world.board.list(), []);
  await scraping.stop();
});

test('what the server copies from Calls is stored once, from Calls itself', async () => {
  const { scraping, world } = setUp();
  world.host.runningPlugins.add(CALLS_ID);
  const hookTime = `mattermost_plugin_hook_time_sum{plugin_id="${CALLS_ID}"}`;
  world.http.answers.set(SERVER, `sessions{plugin_id="${CALLS_ID}"} 3\n${hookTime} 1\n`);
  world.http.answers.set(CALLS, 'sessions 3\n');
  scraping.start();
  for (let i = 0; i < 30; i++) await world.clock.advance(100);
  const names = world.storage.names().filter((name) => /^(sessions|mattermost)/.test(name));
  assert.deepEqual(names.sort(), [
    `mattermost_plugin_hook_time_sum{instance="localhost:8067",job="prometheus",plugin_id="${CALLS_ID}"}`,
    'sessions{instance="localhost:8067",job="calls"}',
  ]);
  assert.deepEqual(
    world.results.map(({ failureCode }) => failureCode),
    world.results.map(() => undefined),
  );
  assert.equal(world.results.length, 3, 'each scrape is counted');
  await scraping.stop();
});

test('nodes are found by the time of the database where the own clock is ahead', async () => {
  const { scraping, world, urls } = setUp();
  world.host.config = { ...world.host.config, isCluster: true };
  const rightMs = world.clock.nowMs() - 40 * 24 * 3_600_000;
  world.host.query = (sql?: string, args: readonly unknown[] = []) => {
    if (sql?.includes('now()')) return Promise.resolve({ rows: [[rightMs]] });
    const rows = ['app1', 'app2'].map((name) => [name, rightMs - 60_000]);
    return Promise.resolve({ rows: rows.filter(([, pingMs]) => Number(pingMs) > Number(args[2])) });
  };
  scraping.start();
  await settle();
  assert.deepEqual(urls().slice(0, 2), [urlOf('app1'), urlOf('app2')]);
  await scraping.stop();
});

test('nodes of a cluster that come are scraped, those that go get stale markers, whatever the database does', async () => {
  const { scraping, world, urls } = setUp();
  world.host.config = { ...world.host.config, isCluster: true };
  world.host.nodes = [['app1', 1]];
  for (const node of ['app1', 'app2', 'app3']) world.http.answers.set(urlOf(node), 'x 1\n');
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) await world.clock.advance(1_000);
  };
  scraping.start();
  await settle();
  assert.ok(urls().includes(SERVER), 'the only one is this machine');

  world.host.nodes = [
    ['app1', 1],
    ['app2', 1],
  ];
  await pass(61);
  assert.deepEqual(urls().slice(0, 2), [urlOf('app1'), urlOf('app2')]);

  world.host.query = () => Promise.reject(new Error('the database is down'));
  await pass(180);
  assert.deepEqual(urls().slice(0, 2), [urlOf('app1'), urlOf('app2')], 'what was known stays');
  assert.deepEqual(
    world.board.list().map(({ code }) => code),
    ['cluster_nodes_unknown'],
  );

  world.host.query = () =>
    Promise.resolve({
      rows: [
        ['app2', 1],
        ['app3', 1],
      ],
    });
  await pass(61);
  assert.deepEqual(urls().slice(0, 2), [urlOf('app2'), urlOf('app3')]);
  assert.deepEqual(world.board.list(), []);
  const gone = world.storage.samples('x{instance="app1:8067",job="prometheus"}');
  assert.equal(gone.at(-1)?.value, 'stale');
  await scraping.stop();
});

test('a node that takes over scrapes nothing before it knows the nodes, not even itself', async () => {
  const { scraping, world, urls } = setUp();
  await scraping.close();
  world.host.config = { ...world.host.config, isCluster: true };
  scraping.start();
  await settle();
  const answers = Promise.withResolvers<{ rows: unknown[][] }>();
  world.host.query = () => answers.promise;
  scraping.open(world.storage, () => 'now');
  for (let i = 0; i < 20; i++) await world.clock.advance(1_000);
  assert.deepEqual([urls(), scraping.isReady], [[], false]);
  answers.resolve({ rows: ['app1', 'app2'].map((name) => [name, 1]) });
  await settle();
  assert.deepEqual(urls().slice(0, 2), [urlOf('app1'), urlOf('app2')]);
  assert.ok(scraping.isReady);
  await scraping.stop();
});

test('a bad node, line or address is named, and everything else is scraped', async () => {
  const { scraping, world, urls } = setUp();
  world.host.config = { ...world.host.config, isCluster: true };
  world.host.nodes = ['app1', 'a/b', 'node1:8075', 'fe80::1%eth0'].map((name) => [name, 1]);
  Object.assign(world.host.settings, {
    extratargets: 'http://db1/m?token=S3cret x credential=dbs\nbad\nhttp://db2/m x credential=no',
    targetcredentials: 'bad\ndbs basic user S3cret',
    targetca: '-----BEGIN CERTIFICATE-----\nMIIx\n-----END CERTIFICATE-----',
    callsoffloaderhosts: 'off1:x, off2',
  });
  scraping.start();
  for (let i = 0; i < 5; i++) await world.clock.advance(1_000);
  const zoned = urlOf('[fe80::1%25eth0]');
  assert.deepEqual(
    urls().filter((url) => !url.includes('/plugins/')),
    [urlOf('app1'), zoned, 'http://off2:9100/metrics', 'http://db1/m?token=…'],
  );
  const [warning, ...more] = world.board.list();
  assert.equal(warning.code, 'targets_left_out');
  assert.match(warning.message, /"a\/b" \(.+"node1:8075" \(a host is expected without a port\)/);
  assert.deepEqual(more, []);
  const asked = world.http.requests.find(({ url }) => url === 'http://db1/m?token=S3cret');
  assert.equal(asked?.options.headers.Authorization, `Basic ${btoa('user:S3cret')}`);
  assert.match(asked?.options.extraCa ?? '', /BEGIN CERTIFICATE/);
  const others = world.http.requests.filter(({ url }) => !url.startsWith('http://db1/'));
  assert.ok(others.every(({ options }) => options.headers.Authorization === undefined));
  world.host.nodes = ['app1', 'app2'].map((name) => [name, 1]);
  scraping.wake();
  await settle();
  assert.deepEqual(world.board.list(), [], 'a warning goes with its reason');
  await scraping.stop();
});

test('a node without a name is named as such, and the others are scraped by theirs', async () => {
  const { scraping, world, urls } = setUp();
  world.host.config = { ...world.host.config, isCluster: true };
  world.host.nodes = [
    ['', 1],
    ['app2', 1],
  ];
  scraping.start();
  await settle();
  assert.deepEqual(
    urls().filter((url) => !url.includes('/plugins/')),
    [urlOf('app2')],
  );
  assert.match(world.board.list()[0].message, /the cluster node "" \(it is empty\)/);
  await scraping.stop();
});

function urlOf(node: string): string {
  return `http://${node}:8067/metrics`;
}
