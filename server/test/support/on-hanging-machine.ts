// Run by hanging-machine.test.ts: parts of a machine hang, and the others are used meanwhile.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import { hasCode } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { readSmallFile, sourceOf } from '../../src/filestore/file-store.ts';
import { LocalFileStore } from '../../src/filestore/local-file-store.ts';
import { makeLabels } from '../../src/model/labels.ts';
import { diskFs } from '../../src/platform/disk-fs.ts';
import { exitProcess } from '../../src/platform/exit-process.ts';
import { LeavableFs } from '../../src/platform/leavable-fs.ts';
import { limitedFs } from '../../src/platform/limited-fs.ts';
import { LOOKUPS_MAX, systemLookups } from '../../src/platform/lookups.ts';
import { systemResolver } from '../../src/platform/resolver.ts';
import { Db, tsdbTasks } from '../../src/tsdb/index.ts';
import { FakeClock } from './fake-clock.ts';
import { inlineTasks } from './inline-tasks.ts';

const [what = '', dir = ''] = process.argv.slice(2);
const START_MS = Date.UTC(2026, 10, 22, 8);
/** More than there are threads of any kind. */
const CALLS = 20;

function makeFifos(parent: string): string[] {
  mkdirSync(parent);
  const paths = Array.from({ length: CALLS }, (_, i) => join(parent, `fifo-${i}`));
  execFileSync('mkfifo', paths);
  return paths;
}

async function useDatabase(): Promise<void> {
  const clock = new FakeClock(START_MS);
  const fs = limitedFs(diskFs);
  const tasks = inlineTasks(tsdbTasks(diskFs));
  const path = join(dir, 'tsdb');
  const db = await Db.open({ fs, dir: path, clock, logger: silentLogger, tasks });
  for (let i = 0; i < 10; i++) {
    const appender = db.appender();
    appender.append(appender.series(makeLabels([['__name__', 'metric']])), START_MS + i * 1000, i);
    await appender.commit();
  }
  assert.equal(db.walStats().syncs >= 10, true);
  await db.close();
}

async function useStore(): Promise<void> {
  const fs = new LeavableFs(diskFs);
  const store = new LocalFileStore({ fs, root: join(dir, 'store'), nowMs: Date.now });
  await store.write('dump', sourceOf(new Uint8Array(3_000_000)));
  assert.equal((await readSmallFile(store, 'dump', 3_000_000)).length, 3_000_000);
}

async function useZlib(): Promise<void> {
  const packed = await promisify(gzip)(new Uint8Array(1_000_000));
  assert.equal((await promisify(gunzip)(packed)).length, 1_000_000);
}

/** /etc/hosts is a FIFO: every look-up of this process hangs. */
function lookUpsHang(): void {
  for (let i = 0; i < CALLS; i++) {
    systemLookups.find(`host-${i}.invalid`, {}).catch(() => undefined);
    systemResolver.resolve(`node-${i}.invalid`, 4).catch(() => undefined);
  }
}

async function databaseHangs(): Promise<void> {
  const fs = limitedFs(diskFs, 500);
  const log = await fs.open(join(dir, 'log'), 'log');
  const refused: unknown[] = [];
  for (const path of makeFifos(join(dir, 'database'))) {
    fs.open(path, 'read').catch((error: unknown) => refused.push(error));
  }
  while (refused.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(hasCode(refused[0], 'ERR_FS_HANGING'));
  // One hanging file keeps no sample from the log.
  await log.write(new Uint8Array(100), 0);
  await log.close();
  assert.ok((await systemLookups.find('localhost', {})).length > 0);
}

/** Two of them, as when the settings name the next one. */
async function storesHang(): Promise<void> {
  const fifos = makeFifos(join(dir, 'stores'));
  for (const path of fifos) {
    new LeavableFs(diskFs).open(path, 'read').catch(() => undefined);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok((await systemLookups.find('localhost', {})).length > 0);
}

if (what === 'look-ups') lookUpsHang();
if (what === 'database') await databaseHangs();
if (what === 'store') await storesHang();
if (what === 'database') for (let i = 0; i < LOOKUPS_MAX; i++) await useZlib();
else await useDatabase();
if (what !== 'store') await useStore();
await useZlib();
console.log(`well although ${what} hangs`);
await exitProcess(0);
