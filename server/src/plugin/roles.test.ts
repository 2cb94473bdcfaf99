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
  let relieve = (): void => {};
  const world = {
    samples: 0,
    settles: 0,
    isDiskFull: false,
    patienceMs: 600_000,
    /** Ends of scraping and flushes hang until they are relieved. */
    isHanging: false,
    relief: new Promise<void>((resolve) => (relieve = resolve)),
    relieve: () => {
      world.isHanging = false;
      relieve();
    },
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
      if (world.isHanging) await world.relief;
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
      get patienceMs() {
        return world.patienceMs;
      },
      open: (_, mayStore) => {
        log.push('open');
        world.mayStore = mayStore;
      },
      settle: () => {
        world.settles++;
      },
      close: async () => {
        log.push('close');
        if (world.isHanging) await world.relief;
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
  watchdog.start();
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
    // Longer than one whose disk is full leaves it to others.
    await pass(120);
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

  const stored = { failureCode: undefined, isStored: true };

  test('a scraper that stores nothing lets go although its end hangs, and stays away until it has ended', async () => {
    const { host, log, roles, world, database, board, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    roles.noteScrape(stored);
    world.patienceMs = 15_000;
    await pass(6);
    roles.noteScrape(stored);
    world.samples = 9;
    world.isHanging = true;
    const { mayStore } = world;
    assert.equal(mayStore(), 'now');
    await pass(22);
    assert.deepEqual([roles.role, host.values.has(LOCK)], ['waiting', false]);
    assert.equal(mayStore(), 'never', 'whatever wakes up later stores nothing');
    assert.match(JSON.stringify(board.list()), /scrapes_not_stored.*2026-01-01 00:00 UTC.*tsdb/);
    await pass(300);
    assert.equal(roles.role, 'waiting', 'nothing could be stored while the last end hangs');
    assert.deepEqual(log, ['open', 'sync', 'close', 'flush'], 'nothing is begun twice');
    world.relieve();
    await pass(15);
    assert.deepEqual([roles.role, roles.state], ['scraper', 'stalled']);
    roles.noteScrape(stored);
    assert.deepEqual([roles.state, board.list()], ['running', []]);
  });

  test('a server of its own that stores nothing says so, and goes on', async () => {
    const { log, roles, world, database, board, pass } = setUp();
    world.patienceMs = 15_000;
    roles.setCluster(false);
    roles.setDatabase(database);
    for (let i = 0; i < 20; i++) {
      await pass(10);
      roles.noteScrape(stored);
      assert.deepEqual([roles.state, board.list()], ['running', []]);
    }
    await pass(22);
    assert.equal(roles.state, 'stalled');
    assert.deepEqual(
      board.list().map(({ code }) => code),
      ['scrapes_not_stored'],
    );
    assert.deepEqual([log, world.mayStore()], [['open', 'sync'], 'now']);
    roles.noteScrape(stored);
    assert.deepEqual([roles.state, board.list()], ['running', []]);
  });

  test('a scraper without targets has nothing to store', async () => {
    const { roles, world, database, board, pass } = setUp();
    world.patienceMs = Infinity;
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(300);
    assert.deepEqual([roles.state, board.list()], ['running', []]);
    world.patienceMs = 15_000;
    await pass(14);
    assert.equal(roles.state, 'running', 'the first target begins a new count');
    await pass(12);
    assert.equal(roles.role, 'waiting');
  });

  test('a stop lets go of the lease although the last samples hang', async () => {
    const { clock, host, roles, world, database, pass } = setUp();
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(5);
    world.isHanging = true;
    const stopped = roles.stop();
    for (let i = 0; i < 20; i++) await clock.advance(100);
    await stopped;
    assert.equal(host.values.has(LOCK), false);
  });

  test('a disk that hangs is tried with one file, however often it is looked at', async () => {
    const { roles, database, fs, board, pass } = setUp();
    const { open } = fs;
    let writes = 0;
    fs.open = (path) => {
      if (path.includes('write-probe')) writes++;
      return new Promise(() => {});
    };
    roles.setCluster(true);
    roles.setDatabase(database);
    await pass(50);
    assert.deepEqual([roles.role, writes], ['waiting', 1]);
    assert.match(JSON.stringify(board.list()), /disk_takes_nothing/);
    fs.open = open;
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
