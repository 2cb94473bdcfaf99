import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { codeOf } from '../src/base/errors.ts';
import { silentLogger } from '../src/base/log.ts';
import { formatLabels, makeLabels } from '../src/model/labels.ts';
import { Db, tsdbTasks, verifyBlock } from '../src/tsdb/index.ts';
import { FakeClock } from './support/fake-clock.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { type Fault, MemoryFs } from './support/memory-fs.ts';
import { bitsOfNumber, put, readBlockSamples, type SampleTable } from './support/tsdb-samples.ts';

// The process ends, or one call to the disk fails, at every single call of a run that appends, cuts
// blocks, writes checkpoints and flushes. Whatever was acknowledged must be there afterwards.

const DIR = 'data/tsdb';
const START_MS = Date.UTC(2026, 10, 22, 8);
const HOUR_MS = 60 * 60 * 1000;
const SERIES = Array.from({ length: 5 }, (_, i) =>
  makeLabels([
    ['__name__', 'up'],
    ['instance', `host-${i}:9100`],
  ]),
);

function openDb(fs: MemoryFs, clock: FakeClock): Promise<Db> {
  return Db.open({
    fs,
    dir: DIR,
    clock,
    logger: silentLogger,
    tasks: inlineTasks(tsdbTasks(fs)),
    maintenanceIntervalMs: 0,
    // Two pages: a few scrapes fill a segment, so that checkpoints happen.
    walSegmentBytes: 64 * 1024,
  });
}

/** Appends one scrape; what was acknowledged goes into `stored`. */
async function scrape(db: Db, timeMs: number, stored: SampleTable): Promise<void> {
  const appender = db.appender();
  SERIES.forEach((labels, i) => {
    appender.append(appender.series(labels), timeMs, timeMs / 1000 + i);
  });
  await appender.commit();
  SERIES.forEach((labels, i) => {
    put(stored, formatLabels(labels), timeMs, bitsOfNumber(timeMs / 1000 + i));
  });
}

/** Nine hours of scrapes in two runs of the process, with upkeep between; errors do not end it. */
async function live(fs: MemoryFs, stored: SampleTable): Promise<void> {
  const clock = new FakeClock(START_MS);
  for (let run = 0; run < 2; run++) {
    const db = await attempt(() => openDb(fs, clock));
    if (db === undefined) continue;
    for (let i = 0; i < 12; i++) {
      await clock.advance(HOUR_MS / 3);
      await attempt(() => scrape(db, clock.nowMs(), stored));
      if (i % 4 === 3) await attempt(() => db.cut());
    }
    if (run === 1) await attempt(() => db.flush());
    await attempt(() => scrape(db, clock.nowMs() + 1, stored));
    await attempt(() => db.close());
  }
}

async function attempt<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    assert.match(String(codeOf(error)), /^ERR_(FS|DB_CLOSED)/, String(error));
    return undefined;
  }
}

/** Everything that a new process finds: blocks, and the head as blocks. */
async function readAll(fs: MemoryFs): Promise<SampleTable> {
  const clock = new FakeClock(START_MS + 12 * HOUR_MS);
  const db = await openDb(fs, clock);
  await db.flush();
  const dirs = db.blocks().map(({ dir }) => dir);
  await db.close();
  for (const dir of dirs) await verifyBlock(fs, dir);
  const names = (await fs.list(DIR)).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => name.includes('.tmp')),
    [],
    'nothing unfinished is left',
  );
  return readBlockSamples(fs, dirs);
}

function assertHolds(found: SampleTable, stored: SampleTable, what: string): void {
  for (const [series, samples] of stored) {
    for (const [timeMs, bits] of samples) {
      assert.equal(found.get(series)?.get(timeMs), bits, `${what}: ${series} at ${timeMs}`);
    }
  }
}

async function countCalls(): Promise<number> {
  const fs = new MemoryFs();
  const stored: SampleTable = new Map();
  await live(fs, stored);
  assert.equal(stored.get(formatLabels(SERIES[0]))?.size, 26);
  assertHolds(await readAll(fs), stored, 'undisturbed run');
  assert.ok(
    fs.log.some((line) => line.includes('checkpoint')),
    'the run writes a checkpoint',
  );
  return fs.calls;
}

const FAULTS: readonly { title: string; kind: Fault['kind']; after: 'kill' | 'power cut' }[] = [
  { title: 'a kill', kind: 'crash', after: 'kill' },
  { title: 'a power cut', kind: 'crash', after: 'power cut' },
  { title: 'a failed call, and a kill later', kind: 'fail', after: 'kill' },
  { title: 'a failed call, and a power cut later', kind: 'fail', after: 'power cut' },
];

describe('what was acknowledged survives at every call to the disk', () => {
  for (const { title, kind, after } of FAULTS) {
    it(title, async () => {
      const calls = await countCalls();
      for (let atCall = 1; atCall <= calls; atCall++) {
        const fs = new MemoryFs();
        fs.fault = { atCall, kind };
        const stored: SampleTable = new Map();
        await live(fs, stored);
        const what = `${title} at call ${atCall} of ${calls} (${fs.log[atCall - 1]})`;
        if (kind === 'fail') assert.deepEqual(fs.openFiles(), [], `${what}: files left open`);
        const found = await readAll(fs.survivor(after)).catch((error: unknown) => {
          throw new Error(what, { cause: error });
        });
        assertHolds(found, stored, what);
      }
    });
  }
});
