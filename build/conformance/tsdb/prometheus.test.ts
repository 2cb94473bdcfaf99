/**
 * Directories go back and forth between us and Prometheus, in the version of the Go plugin and in the
 * newest one, and no sample changes a bit.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { CodedError } from '../../../server/src/base/errors.ts';
import { type LogFields, silentLogger } from '../../../server/src/base/log.ts';
import { makeLabels } from '../../../server/src/model/labels.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { runMergeTask } from '../../../server/src/tsdb/compact/merge-task.ts';
import { Db, tsdbTasks } from '../../../server/src/tsdb/index.ts';
import { inlineTasks } from '../../../server/test/support/inline-tasks.ts';
import { goBuild } from '../../support/go.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { goSkip } from '../gob/skip.ts';
import { samplesOf } from './samples-text.ts';

const VERSIONS = {
  'v0.48.1, the version of the Go plugin': ['-modfile=plugin.mod', '-tags=plugin'],
  'v0.316.0': [],
} as const;
const NEWEST = 'v0.316.0';
const START_MS = 1795334400000;

const root = temporaryDir('prometheus');
const newDir = (): string => join(mkdtempSync(join(root, 'db-')), 'tsdb');

/** Opens a directory as the plugin does. */
function openDb(dir: string): Promise<Db> {
  return Db.open({
    fs: diskFs,
    dir,
    clock: systemClock,
    logger: silentLogger,
    tasks: inlineTasks(tsdbTasks(diskFs)),
    maintenanceIntervalMs: 0,
  });
}

/** Appends what is hard to keep: values, times and texts at the ends of their ranges. */
async function appendOddities(db: Db): Promise<number> {
  const values = [0, -0, 1e-323, -Number.MAX_VALUE, 0.1, NaN, Infinity, -Infinity, 2 ** 53];
  const texts = ['x', 'größer 🎈', '\n"\\\t', '\u0000', ' ', 'a'.repeat(3000), '\ufffd'];
  let count = 0;
  for (let step = 0; step < 300; step++) {
    const appender = db.appender();
    for (const [s, text] of texts.entries()) {
      const labels = makeLabels([
        ['__name__', 'odd'],
        ['größe.in.utf-8', text],
        ['empty', ''],
      ]);
      const ref = appender.series(labels);
      const timeMs = START_MS + step * 15_000 + s;
      if (step % 50 === 49) appender.appendStale(ref, timeMs);
      else appender.append(ref, timeMs, values[(step + s) % values.length] ?? 0);
      count++;
    }
    await appender.commit();
  }
  return count;
}

/** Merges all blocks of a directory to one in a directory of its own. */
async function mergeAll(dirs: readonly string[]): Promise<string> {
  const blockDirs = dirs.flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => /^[0-9A-Z]{26}$/.test(name))
      .map((name) => join(dir, name)),
  );
  const parentDir = newDir();
  // Prometheus insists on a log.
  mkdirSync(join(parentDir, 'wal'), { recursive: true });
  const input = { blockDirs, parentDir, ulid: '01ARZ3NDEKTSV4RRFFQ69G5FAV' };
  assert.ok(await runMergeTask(diskFs, input, new AbortController().signal));
  return parentDir;
}

/** What is there, before the comparison prints thousands of lines. */
function assertSame(found: readonly string[], expected: readonly string[]): void {
  const missing = expected.filter((line, i) => found[i] !== line && !found.includes(line));
  assert.deepEqual(missing.slice(0, 3), [], `${missing.length} samples are missing`);
  assert.equal(found.length, expected.length);
}

const SHAPES: Record<string, readonly string[]> = {
  'a plain log of a killed process': ['-kill'],
  'a log packed with snappy': ['-kill', '-snappy'],
  'one series': ['-kill', '-series=1'],
  '100,000 series': ['-kill', '-series=100000', '-samples=2'],
  'histograms in the log': ['-kill', '-histograms', '-snappy'],
  'a log with deletions': ['-kill', '-delete', '-histograms'],
  'a chunk snapshot with deletions': ['-snapshot', '-delete', '-samples=500'],
  'blocks without what was deleted before': ['-blocks', '-delete', '-samples=400'],
  'head chunks and the log': ['-samples=500', '-histograms'],
  'a chunk snapshot without head chunks': ['-snapshot', '-histograms'],
  'a chunk snapshot with head chunks': ['-snapshot', '-samples=500', '-histograms', '-snappy'],
  blocks: ['-blocks', '-samples=400', '-histograms'],
  'times before 1970': ['-samples=150', '-start=-9000000000'],
  'times far ahead': ['-samples=150', '-start=8000000000000000'],
};

for (const [version, flags] of Object.entries(VERSIONS)) {
  describe(`Prometheus ${version}`, { skip: goSkip }, () => {
    let program = '';
    before(() => {
      const dir = join(import.meta.dirname, 'prometheus');
      program = goBuild({ dir, name: `prometheus-${version.split(',')[0]}`, flags });
    });

    const theirs = (...args: string[]): string[] =>
      execFileSync(program, args, { maxBuffer: 2 ** 28 })
        .toString()
        .split('\n')
        .slice(0, -1)
        .sort();

    for (const [shape, options] of Object.entries(SHAPES)) {
      test(`we read ${shape}, make blocks of it, and they read those`, async () => {
        const dir = newDir();
        const written = theirs('write', dir, ...options);
        assertSame(await samplesOf(dir), written);
        const copy = newDir();
        cpSync(dir, copy, { recursive: true });
        const db = await openDb(copy);
        await db.flush();
        await db.close();
        assertSame(await samplesOf(copy), written);
        assertSame(theirs('dump', copy), written);
      });
    }

    test('a directory goes from them to us, back, and to us again', async () => {
      const dir = newDir();
      let written = theirs('write', dir, '-samples=200', '-histograms', '-snapshot', '-delete');
      for (let turn = 0; turn < 3; turn++) {
        const db = await openDb(dir);
        const appender = db.appender();
        const timeMs = (db.headStats().maxTimeMs ?? 0) + 60_000;
        const labels = [{ name: '__name__', value: 'ours' }];
        appender.append(appender.series(labels), timeMs, turn);
        await appender.commit();
        await db.close();
        const snapshot = turn === 1 ? [] : ['-snapshot'];
        const next = theirs('reopen', dir, ...snapshot);
        assertSame(next.slice(0, -1), written);
        assert.equal(next.length, written.length + 1);
        written = next;
        assertSame(await samplesOf(dir), written);
      }
    });

    test('they read what we write, as a log and as blocks', async () => {
      const dir = newDir();
      const db = await openDb(dir);
      const count = await appendOddities(db);
      const log = newDir();
      cpSync(dir, log, { recursive: true });
      const written = theirs('dump', log);
      assert.equal(written.length, count);
      assertSame(await samplesOf(log), written);
      await db.close();
      assertSame(theirs('reopen', dir, '-snapshot'), written);
      const again = await openDb(dir);
      await again.flush();
      await again.close();
      assertSame(theirs('dump', dir), written);
      assertSame(theirs('reopen', dir), written);
    });

    test('blocks of histograms that overlap are merged sample by sample', async () => {
      const dirs = [newDir(), newDir()];
      const [first = '', second = ''] = dirs;
      theirs('write', first, '-blocks', '-histograms', '-samples=200');
      theirs(
        'write',
        second,
        '-blocks',
        '-histograms',
        '-samples=200',
        `-start=${START_MS + 7000}`,
      );
      const merged = await mergeAll(dirs);
      const expected = dirs.flatMap((dir) => theirs('dump', dir)).sort();
      assertSame(theirs('dump', merged), expected);
      assertSame(await samplesOf(merged), expected);
    });

    test('a directory that Prometheus holds is refused, and taken when it has gone', async () => {
      const dir = newDir();
      theirs('write', dir, '-samples=5');
      const holder = spawn(program, ['hold', dir], { stdio: ['pipe', 'pipe', 'inherit'] });
      try {
        const [line] = (await once(holder.stdout, 'data')) as [Buffer];
        assert.equal(line.toString(), 'held\n');
        await assert.rejects(openDb(dir), (error) => {
          assert.ok(error instanceof CodedError);
          assert.equal(error.code, 'ERR_FS_LOCKED');
          assert.equal(error.details.pid, holder.pid);
          assert.match(error.message, /is in use by prometheus-v/);
          return true;
        });
      } finally {
        holder.stdin.end();
        await once(holder, 'exit');
      }
      const db = await openDb(dir);
      assert.equal(db.headStats().sampleCount, 5 * 40);
      await db.close();
    });

    const isOld = version === NEWEST ? false : 'this version has none';
    const unknown = 'encodings that we do not know are copied in blocks, and counted in logs';
    test(unknown, { skip: isOld }, async () => {
      const dir = newDir();
      const written = theirs('write', dir, '-newest', '-blocks', '-samples=400');
      const merged = await mergeAll([dir]);
      assertSame(theirs('dump', merged), written);
      assert.deepEqual(await samplesOf(merged), []);
      const log = newDir();
      theirs('write', log, '-newest', '-kill', '-samples=10');
      const warnings: LogFields[] = [];
      const logger = {
        ...silentLogger,
        warn: (_: string, fields: LogFields = {}) => warnings.push(fields),
      };
      assert.deepEqual(await samplesOf(log, logger), []);
      assert.equal(warnings[0]?.['samples of version 2'], 10);
    });
  });
}
