import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { MemoryFs } from '../../test/support/memory-fs.ts';
import { inlineTasks } from '../../test/support/inline-tasks.ts';
import { CodedError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { makeLabels } from '../model/labels.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import { Db, tsdbTasks } from '../tsdb/index.ts';
import { DatabaseKeeper } from './database-keeper.ts';
import { makeWatches } from './watches.ts';

const HOUR_MS = 3_600_000;

async function setUp() {
  const [clock, fs] = [new FakeClock(), new MemoryFs()];
  const board = new WarningBoard(silentLogger);
  const watchdog = new Watchdog(clock, silentLogger);
  const { database, place } = makeWatches(watchdog, board);
  const tasks = inlineTasks(tsdbTasks(fs));
  let opened: Db | undefined;
  const keeper = new DatabaseKeeper({
    fs,
    clock,
    logger: silentLogger,
    board,
    watch: database.watch,
    placeWatch: place.watch,
    dir: 'tsdb',
    openDb: async (dir) =>
      (opened = await Db.open({ fs, dir, clock, logger: silentLogger, tasks })),
    onOpen: () => undefined,
  });
  watchdog.start();
  keeper.start();
  await keeper.tried;
  assert.ok(opened !== undefined);
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) await clock.advance(1_000);
    await settle();
  };
  const codes = (): string[] => board.list().map(({ code }) => code);
  const end = async (): Promise<void> => {
    await keeper.stopTrying();
    await Promise.all([watchdog.stop(), opened?.close()]);
  };
  return { fs, tasks, clock, db: opened, pass, codes, end };
}

test('a disk that hangs under an open database is not told as one that does not open', async () => {
  const { fs, pass, codes, end } = await setUp();
  const { stat } = fs;
  const waiting: (() => void)[] = [];
  fs.stat = async (path) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return stat.call(fs, path);
  };
  await pass(100);
  assert.deepEqual(codes(), ['database_look_stuck']);
  fs.stat = stat;
  for (const go of waiting) go();
  await pass(10);
  assert.deepEqual(codes(), []);
  await end();
});

test('a folder that takes no new files, while the open log is written, is told within a minute', async () => {
  const { fs, pass, codes, end } = await setUp();
  const { open } = fs;
  fs.open = (path, mode) =>
    mode === 'read'
      ? open.call(fs, path, mode)
      : Promise.reject(new CodedError('ERR_FS_DENIED', 'read-only', { path }));
  await pass(31);
  assert.deepEqual(codes(), ['database_files_gone']);
  fs.open = open;
  await pass(31);
  assert.deepEqual(codes(), []);
  assert.ok(!(await fs.list('tsdb')).some(({ name }) => name.includes('probe')));
  await end();
});

test('an upkeep that breaks off again and again is told, until it does not any more', async () => {
  const { db, tasks, clock, pass, codes, end } = await setUp();
  const { run } = tasks;
  tasks.run = () => Promise.reject(new CodedError('ERR_WORKER_LOST', 'no thread'));
  for (let i = 0; i < 5; i++) {
    const appender = db.appender();
    const labels = makeLabels([['__name__', 'x']]);
    appender.append(appender.series(labels), clock.nowMs() - (4 - i) * HOUR_MS, i);
    await appender.commit();
  }
  await pass(100);
  assert.deepEqual(codes(), ['database_upkeep_failing']);
  tasks.run = run;
  await pass(100);
  assert.deepEqual(codes(), []);
  assert.ok(db.blocks().length > 0);
  await end();
});
