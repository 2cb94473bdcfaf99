// What an administrator sees of a disk that takes nothing, and of a log that was damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeHttp } from '../../test/kits/fake-http.ts';
import { RecordingStorage } from '../../test/kits/recording-storage.ts';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { inlineTasks } from '../../test/support/inline-tasks.ts';
import { MemoryFs } from '../../test/support/memory-fs.ts';
import { CodedError } from '../base/errors.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import { parseSettings } from '../services/config/parse-settings.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Db, tsdbTasks } from '../tsdb/index.ts';
import { DatabaseKeeper } from './database-keeper.ts';
import { Scraping } from './scraping.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import { makeWatches } from './watches.ts';

const EXTRA = ['http://a:1/metrics a', 'http://b:1/metrics b', 'http://c:1/metrics c'];

function setUp() {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const settings = { extratargets: EXTRA.join('\n'), enablenodeexportertargets: false };
  const host = new FakeHost({}, { ...settings, scrapeintervalseconds: 10 });
  const [http, storage, clock] = [new FakeHttp(), new RecordingStorage(), new FakeClock()];
  const board = new WarningBoard(logger);
  const scraping = new Scraping({
    ...{ host, http, clock, logger, board, pluginId: 'us', userAgent: 'test' },
    resolver: { resolve: async () => [] },
    settings: () => parseSettings(host.settings).settings,
    onConfig: () => {},
    onScrape: () => {},
    watches: makeWatches(new Watchdog(clock, silentLogger), board),
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds * 2; i++) await clock.advance(500);
  };
  const codes = (): string[] => board.list().map(({ code }) => code);
  return { scraping, http, storage, board, lines, pass, codes };
}

test('a full disk is one warning and two lines, however many targets and scrapes; all are up', async () => {
  const { scraping, storage, board, lines, pass, codes } = setUp();
  scraping.start();
  scraping.open(storage, () => 'now');
  await pass(30);
  assert.deepEqual(codes(), []);
  const full = (): CodedError => new CodedError('ERR_FS_FULL', 'the disk is full: tsdb/wal/1');
  storage.commitErrors.push(...Array.from({ length: 100 }, full));
  await pass(60);
  assert.ok(storage.commitErrors.length < 90, 'many scrapes were refused');
  assert.deepEqual(codes(), ['storing_failed']);
  const [{ message, action = '' }] = board.list();
  assert.match(message, /cannot be stored: the disk is full: tsdb\/wal\/1\.$/);
  assert.match(action, /Free space/);
  assert.ok(scraping.targets().every(({ up }) => up));
  assert.deepEqual(lines, ['What is scraped cannot be stored', message]);
  storage.commitErrors.length = 0;
  await pass(30);
  assert.deepEqual(codes(), []);
  assert.equal(lines.length, 2);
  const ups = storage.names().filter((name) => name.startsWith('up{'));
  assert.ok(ups.length >= EXTRA.length);
  for (const name of ups)
    assert.ok(
      storage.values(name).every((value) => value === 1),
      name,
    );
  await scraping.stop();
});

test('an exporter that goes down meanwhile is still told of', async () => {
  const { scraping, http, storage, pass, codes } = setUp();
  scraping.start();
  scraping.open(storage, () => 'now');
  await pass(30);
  const full = (): CodedError => new CodedError('ERR_FS_FULL', 'the disk is full');
  storage.commitErrors.push(...Array.from({ length: 1000 }, full));
  http.answers.set('http://a:1/metrics', new CodedError('ERR_HTTP_REFUSED', 'connection refused'));
  await pass(30);
  assert.deepEqual(codes().sort(), ['exporter_down', 'storing_failed']);
  await scraping.stop();
});

test('damage of the log that was cut off is a warning, until what was kept of it is removed', async () => {
  const fs = new MemoryFs();
  const clock = new FakeClock();
  const openDb = (dir: string): Promise<Db> =>
    Db.open({ fs, dir, clock, logger: silentLogger, tasks: inlineTasks(tsdbTasks(fs)) });
  const open = async () => {
    const board = new WarningBoard(silentLogger);
    const onOpen = (): void => {};
    const common = { fs, clock, logger: silentLogger, board, openDb, onOpen };
    const keeper = new DatabaseKeeper({ ...common, dir: 'tsdb' });
    keeper.start();
    await keeper.tried;
    await settle();
    const close = async (): Promise<void> => {
      await keeper.stopTrying();
      await keeper.close();
    };
    return { board, db: keeper.current?.db, close };
  };
  const first = await open();
  assert.deepEqual(first.board.list(), []);
  for (let i = 0; i < 10; i++) {
    const appender = first.db?.appender();
    const ref = appender?.series([{ name: '__name__', value: 'a' }]) ?? 0;
    appender?.append(ref, clock.nowMs() + i * 1000, i);
    await appender?.commit();
  }
  await first.close();
  const file = await fs.open('tsdb/wal/00000000', 'update');
  await file.write(Uint8Array.of(0xff), Math.floor((await file.size()) / 2));
  await file.close();

  const second = await open();
  const [{ code, message, action = '' }] = second.board.list();
  assert.equal(code, 'log_damaged');
  assert.match(message, /wal\/00000000.*collected after 20..-..-..T..:..:..Z until the last stop/);
  const kept = /tsdb\/wal\/00000000\.corrupt-\d+/.exec(action)?.[0] ?? '';
  assert.ok((await fs.stat(kept)) !== undefined);
  await second.close();

  const third = await open();
  assert.deepEqual(
    third.board.list().map(({ code: again }) => again),
    ['log_damaged'],
  );
  await third.close();
  await fs.remove(kept);
  const fourth = await open();
  assert.deepEqual(fourth.board.list(), []);
  await fourth.close();
});
