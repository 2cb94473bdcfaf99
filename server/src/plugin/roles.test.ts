import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { MemoryFs } from '../../test/support/memory-fs.ts';
import { CodedError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { StorePermission } from '../ingest/index.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import type { MetricsDb } from './database-keeper.ts';
import { OpenDatabase } from './database-keeper.ts';
import { Roles } from './roles.ts';
import { makeWatches } from './watches.ts';

function setUp() {
  const clock = new FakeClock();
  const host = new FakeHost({}, {});
  host.nowMs = () => clock.nowMs();
  const log: string[] = [];
  const board = new WarningBoard(silentLogger);
  const watchdog = new Watchdog(clock, silentLogger);
  const fs = new MemoryFs();
  const open = fs.open.bind(fs);
  fs.open = (path, mode) => (world.isDiskFull ? Promise.reject(diskFull()) : open(path, mode));
  const world = {
    samples: 0,
    settles: 0,
    isDiskFull: false,
    mayStore: (): StorePermission => 'never',
  };
  const db: Pick<MetricsDb, 'dir' | 'blocks' | 'headStats' | 'flush'> = {
    dir: 'tsdb',
    blocks: () => [],
    headStats: () => ({
      seriesCount: 1,
      sampleCount: world.samples,
      chunkCount: 1,
      chunkBytes: 1,
      minTimeMs: undefined,
      maxTimeMs: undefined,
      appendedSamples: 0,
      outOfOrderSamples: 0,
      duplicateSamples: 0,
      outOfBoundsSamples: 0,
    }),
    flush: async () => {
      log.push('flush');
      world.samples = 0;
      return [];
    },
  };
  const roles = new Roles({
    lease: {
      kv: host.kv,
      clock,
      logger: silentLogger,
      pluginId: 'us',
      instance: 'me',
      node: () => 'app1',
      lockEnd: async () => undefined,
    },
    scraping: {
      isReady: true,
      patienceMs: 15_000,
      open: (_, mayStore) => {
        log.push('open');
        world.mayStore = mayStore;
      },
      settle: () => {
        world.settles++;
      },
      close: async () => {
        log.push('close');
      },
    },
    syncing: { wake: () => log.push('sync') },
    clock,
    logger: silentLogger,
    board,
    watchdog,
    watches: makeWatches(watchdog, board),
    onChange: () => {},
  });
  // Only these members are used; a whole database would need a disk.
  const database = new OpenDatabase(db as typeof db & MetricsDb, fs, clock);
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds * 2; i++) await clock.advance(500);
  };
  return { clock, host, log, world, roles, database, board, fs, pass };
}

function diskFull(): CodedError {
  return new CodedError('ERR_FS_FULL', 'the disk is full');
}

const LOCK = 'mutex_us';

suite('roles', () => {
  test('a server of its own scrapes once its database is open, without a lease', async () => {
    const { host, log, roles, world, database, pass } = setUp();
    roles.setCluster(false);
    await settle();
    assert.deepEqual([roles.role, log], ['starting', []]);
    roles.setDatabase(database);
    await pass(60);
    assert.deepEqual([roles.role, log], ['scraper', ['open', 'sync']]);
    assert.ok(roles.isScraper);
    assert.equal(world.mayStore(), 'now');
    assert.equal(host.values.size, 0);
  });

  test('a node without a database does not ask for the lease', async () => {
    const { host, roles, database, pass } = setUp();
    roles.setCluster(true);
    await pass(30);
    assert.deepEqual([roles.role, host.values.size], ['starting', 0]);
    roles.setDatabase(database);
    await pass(1);
    assert.equal(roles.role, 'scraper');
    assert.ok(host.values.has(LOCK));
  });

  test('a node that starts with samples of an earlier run stores them when another one scrapes', async () => {
    const { host, log, roles, world, database, pass } = setUp();
    await host.kv.setFor(LOCK, Uint8Array.of(1), 3_600);
    world.samples = 9;
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    assert.deepEqual([roles.role, log], ['waiting', ['flush', 'sync']]);
    assert.equal(world.mayStore(), 'never');
  });

  test('a server that joins a cluster stops until it has the lease, and goes on without when it leaves', async () => {
    const { clock, host, log, roles, world, database, pass } = setUp();
    roles.setCluster(false);
    roles.setDatabase(database);
    await settle();
    const mayStoreAlone = world.mayStore;
    await host.kv.setFor(LOCK, Uint8Array.of(1), 30);
    roles.setCluster(true);
    assert.equal(mayStoreAlone(), 'never', 'from that moment on');
    await pass(5);
    assert.deepEqual([roles.role, log.slice(2)], ['waiting', ['close']]);
    await pass(30);
    assert.deepEqual([roles.role, log.slice(3)], ['scraper', ['open', 'sync']]);

    roles.setCluster(false);
    await settle();
    assert.deepEqual([roles.role, log.slice(5)], ['scraper', ['close', 'open', 'sync']]);
    assert.equal(host.values.has(LOCK), false, 'the lock is given back');
    assert.equal(world.mayStore(), 'now');
    assert.ok(clock.nowMs() > 0);
  });

  test('a scraper that can store nothing for 15 s lets others go first for a moment', async () => {
    const { host, roles, database, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    for (let i = 0; i < 4; i++) {
      assert.equal(roles.role, 'scraper');
      roles.noteScrape({ failureCode: 'ERR_SCRAPE_STORE', isStored: false });
      await pass(5);
    }
    assert.equal(roles.role, 'waiting');
    assert.equal(host.values.has(LOCK), false);
    await pass(4);
    assert.equal(roles.role, 'waiting');
    await pass(10);
    assert.equal(roles.role, 'scraper', 'as there is nobody else');
  });

  test('a scraper whose disk is full lets go at once, and asks again when it takes data', async () => {
    const { host, roles, world, database, board, fs, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    world.isDiskFull = true;
    roles.noteScrape({ failureCode: 'ERR_SCRAPE_STORE', isStored: false });
    await pass(1);
    assert.deepEqual([roles.role, host.values.has(LOCK)], ['waiting', false]);
    await pass(30);
    assert.equal(roles.role, 'waiting');
    assert.deepEqual(
      board.list().map(({ code }) => code),
      ['disk_takes_nothing'],
    );
    world.isDiskFull = false;
    await pass(4);
    assert.equal(roles.role, 'scraper');
    assert.deepEqual(board.list(), []);
    assert.equal(await fs.stat('tsdb/write-probe'), undefined, 'nothing is left of the tries');
  });

  test('a node whose disk is full scrapes for want of another, and lets go now and then', async () => {
    const { host, roles, world, database, pass } = setUp();
    world.isDiskFull = true;
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(55);
    assert.equal(roles.role, 'waiting');
    await pass(10);
    assert.equal(roles.role, 'scraper', 'it looks after the file store all the same');
    for (let i = 0; i < 4; i++) {
      roles.noteScrape({ failureCode: 'ERR_SCRAPE_STORE', isStored: false });
      await pass(5);
    }
    assert.deepEqual([roles.role, host.values.has(LOCK)], ['waiting', false]);
  });

  test('a scraper without its database scrapes on, and stores once nobody else has scraped', async () => {
    const { host, log, roles, world, database, board, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    const kv = { ...host.kv };
    const away = (): Promise<never> => Promise.reject(new Error('the database is away'));
    Object.assign(host.kv, { get: away, renewFor: away, createFor: away, compareAndSet: away });
    for (let i = 0; i < 40; i++) {
      await pass(0.5);
      const isStoring = world.mayStore() === 'now';
      assert.equal(roles.state, isStoring ? 'running' : 'waiting', 'what is seen is stored');
    }
    assert.deepEqual(
      [roles.role, roles.state, roles.isScraper, world.mayStore()],
      ['lapsed', 'waiting', false, 'later'],
    );
    assert.deepEqual(
      board.list().map(({ code }) => code),
      ['lease_lapsed'],
    );
    const before = world.settles;
    Object.assign(host.kv, kv);
    await pass(5);
    assert.deepEqual([roles.role, world.mayStore()], ['scraper', 'now']);
    assert.ok(world.settles > before);
    assert.deepEqual([log, board.list()], [['open', 'sync'], []]);
  });

  test('a scraper drops what it has scraped without its database when another one has taken over', async () => {
    const { host, log, roles, world, database, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    const kv = { ...host.kv };
    const away = (): Promise<never> => Promise.reject(new Error('the database is away'));
    Object.assign(host.kv, { get: away, renewFor: away, createFor: away, compareAndSet: away });
    await pass(20);
    await kv.set('scraper_owner', new TextEncoder().encode('{"instance":"x","term":2,"beat":1}'));
    Object.assign(host.kv, kv);
    const before = world.settles;
    await pass(5);
    assert.deepEqual([roles.role, world.mayStore()], ['waiting', 'never']);
    assert.deepEqual([log.slice(2), world.settles], [['close'], before]);
  });

  test('a stop ends the scraping before the lease is given back', async () => {
    const { host, log, roles, database, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    await roles.stop();
    assert.deepEqual(log, ['open', 'sync', 'close']);
    assert.equal(host.values.has(LOCK), false);
    await pass(60);
    assert.deepEqual(log, ['open', 'sync', 'close'], 'for good');
  });
});
