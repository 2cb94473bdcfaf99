// Run by full-disk.test.ts with a folder on a disk of a few megabytes that this process alone sees.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { CodedError, hasCode } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { formatLabels, makeLabels } from '../../src/model/labels.ts';
import { diskFs } from '../../src/platform/disk-fs.ts';
import { Db, tsdbTasks, verifyBlock } from '../../src/tsdb/index.ts';
import { FakeClock } from './fake-clock.ts';
import { inlineTasks } from './inline-tasks.ts';
import { bitsOfNumber, put, readBlockSamples, type SampleTable } from './tsdb-samples.ts';

const START_MS = Date.UTC(2026, 10, 22, 8);
const MINUTE_MS = 60_000;
const SERIES = Array.from({ length: 200 }, (_, i) => makeLabels([['__name__', `metric_${i}`]]));

const [disk = ''] = process.argv.slice(2);
const dir = join(disk, 'tsdb');
const filler = join(disk, 'filler');
const stored: SampleTable = new Map();
let minute = 0;

async function openDb(): Promise<Db> {
  const clock = new FakeClock(START_MS + minute * MINUTE_MS);
  const tasks = inlineTasks(tsdbTasks(diskFs));
  const logger = silentLogger;
  return Db.open({ fs: diskFs, dir, clock, logger, tasks, maintenanceIntervalMs: 0 });
}

/** Whether the scrape was acknowledged. */
async function scrape(db: Db): Promise<boolean> {
  const timeMs = START_MS + minute++ * MINUTE_MS;
  const appender = db.appender();
  SERIES.forEach((labels, i) => appender.append(appender.series(labels), timeMs, minute * i));
  try {
    await appender.commit();
  } catch (error) {
    assert.ok(error instanceof CodedError);
    assert.equal(error.code, 'ERR_FS_FULL');
    assert.ok(error.message.includes(dir), error.message);
    return false;
  }
  SERIES.forEach((labels, i) => {
    put(stored, formatLabels(labels), timeMs, bitsOfNumber(minute * i));
  });
  return true;
}

function fillDisk(): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(filler, new Uint8Array(bavail * bsize));
}

async function readAll(): Promise<SampleTable> {
  const db = await openDb();
  assert.equal(db.walStats().corruptions, 0);
  await db.flush();
  const dirs = db.blocks().map((block) => block.dir);
  await db.close();
  for (const block of dirs) await verifyBlock(diskFs, block);
  return readBlockSamples(diskFs, dirs);
}

let db = await openDb();
for (let i = 0; i < 100; i++) assert.ok(await scrape(db));

// Full: nothing more is taken, what is there stays, and no half block appears.
fillDisk();
let refused = 0;
while (refused < 20) if (!(await scrape(db))) refused++;
await assert.rejects(db.writeHeadBlock(dir, { minTimeMs: 0, maxTimeMs: Infinity }), (error) =>
  hasCode(error, 'ERR_FS_FULL'),
);
assert.deepEqual(
  readdirSync(dir).filter((name) => /^[0-9A-Z]{26}/.test(name)),
  [],
);

// There is room again: it goes on by itself.
rmSync(filler);
for (let i = 0; i < 50; i++) assert.ok(await scrape(db));

// Read-only, as a file system goes after an error of the disk, and back.
await db.close();
execFileSync('mount', ['-o', 'remount,ro', disk]);
await assert.rejects(openDb(), (error) => hasCode(error, 'ERR_FS_DENIED'));
execFileSync('mount', ['-o', 'remount,rw', disk]);
db = await openDb();
for (let i = 0; i < 50; i++) assert.ok(await scrape(db));

// Full while it stops; and full at the next start.
fillDisk();
await db.close();
db = await openDb();
assert.equal(
  db.headStats().sampleCount,
  [...stored.values()].reduce((n, { size }) => n + size, 0),
);
await db.close();
rmSync(filler);
assert.deepEqual(await readAll(), stored);
