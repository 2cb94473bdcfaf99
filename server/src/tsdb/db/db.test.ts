import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { bitsOfNumber, readBlockSamples } from '../../../test/support/tsdb-samples.ts';
import { CodedError } from '../../base/errors.ts';
import type { LogFields, Logger } from '../../base/log.ts';
import { formatLabels, type Labels, makeLabels } from '../../model/labels.ts';
import type { AppendResult } from '../../storage/appender.ts';
import type { BlockMeta } from '../block/meta.ts';
import { tsdbTasks } from '../tasks.ts';
import { Db } from './db.ts';
import type { DbOptions } from './options.ts';

const DIR = 'tsdb';
const HOUR_MS = 60 * 60 * 1000;
/** On the two-hour grid. */
const START_MS = Date.UTC(2026, 10, 22, 8);

class TestLogger implements Logger {
  readonly lines: { level: string; message: string; fields: LogFields | undefined }[] = [];
  debug(): void {}
  info(message: string, fields?: LogFields): void {
    this.lines.push({ level: 'info', message, fields });
  }
  warn(message: string, fields?: LogFields): void {
    this.lines.push({ level: 'warn', message, fields });
  }
  error(message: string, fields?: LogFields): void {
    this.lines.push({ level: 'error', message, fields });
  }
}

function setup(options: Partial<DbOptions> = {}): {
  fs: MemoryFs;
  clock: FakeClock;
  logger: TestLogger;
  open: (fs?: MemoryFs) => Promise<Db>;
} {
  const fs = new MemoryFs();
  const clock = new FakeClock(START_MS);
  const logger = new TestLogger();
  const open = (disk: MemoryFs = fs): Promise<Db> =>
    Db.open({
      dir: DIR,
      clock,
      logger,
      maintenanceIntervalMs: 0,
      ...options,
      fs: disk,
      tasks: inlineTasks(tsdbTasks(disk)),
    });
  return { fs, clock, logger, open };
}

function labelsOf(name: string, more: Record<string, string> = {}): Labels {
  return makeLabels([['__name__', name], ...Object.entries(more)]);
}

async function put(db: Db, name: string, timeMs: number, value: number): Promise<AppendResult> {
  const appender = db.appender();
  const result = appender.append(appender.series(labelsOf(name)), timeMs, value);
  await appender.commit();
  assert.ok(result !== undefined);
  return result;
}

function coded(code: string): (error: unknown) => boolean {
  return (error) => error instanceof CodedError && error.code === code;
}

describe('appending', () => {
  it('takes a sample, and says why it does not take another', async () => {
    const db = await setup().open();
    assert.equal(await put(db, 'a', START_MS, 1), 'appended');
    assert.equal(await put(db, 'a', START_MS, 1), 'duplicate');
    assert.equal(await put(db, 'a', START_MS, 2), 'conflict');
    assert.equal(await put(db, 'a', START_MS - 1, 1), 'out_of_order');
    assert.equal(await put(db, 'a', START_MS + 1, 3), 'appended');
    const stats = db.headStats();
    assert.equal(stats.sampleCount, 2);
    assert.equal(stats.seriesCount, 1);
    assert.equal(stats.appendedSamples, 2);
    assert.equal(stats.duplicateSamples, 2);
    assert.equal(stats.outOfOrderSamples, 1);
    assert.deepEqual([stats.minTimeMs, stats.maxTimeMs], [START_MS, START_MS + 1]);
    await db.close();
  });

  it('judges a series that comes twice in one scrape', async () => {
    const db = await setup().open();
    const appender = db.appender();
    const ref = appender.series(labelsOf('a'));
    assert.equal(appender.append(ref, START_MS, 1), 'appended');
    assert.equal(appender.append(ref, START_MS, 1), 'duplicate');
    assert.equal(appender.append(ref, START_MS, 2), 'conflict');
    assert.equal(appender.append(ref, START_MS - 5, 2), 'out_of_order');
    await appender.commit();
    assert.equal(db.headStats().sampleCount, 1);
    await db.close();
  });

  it('shows nothing before the commit, and nothing after a rollback', async () => {
    const db = await setup().open();
    const appender = db.appender();
    appender.append(appender.series(labelsOf('a')), START_MS, 1);
    assert.equal(db.headStats().sampleCount, 0);
    appender.rollback();
    await appender.commit();
    assert.equal(db.headStats().sampleCount, 0);
    assert.equal(await put(db, 'a', START_MS, 2), 'appended');
    await db.close();
  });

  it('keeps NaN, infinities and the stale marker bit for bit', async () => {
    const { fs, open } = setup();
    const db = await open();
    const appender = db.appender();
    const ref = appender.series(labelsOf('a'));
    [NaN, Infinity, -Infinity, -0].forEach((value, i) => appender.append(ref, START_MS + i, value));
    appender.appendStale(ref, START_MS + 4);
    await appender.commit();
    await db.flush();
    const table = await readBlockSamples(
      fs,
      db.blocks().map(({ dir }) => dir),
    );
    assert.deepEqual(
      [...(table.get(formatLabels(labelsOf('a')))?.values() ?? [])],
      [
        '7ff8000000000001',
        '7ff0000000000000',
        'fff0000000000000',
        '8000000000000000',
        '7ff0000000000002',
      ],
    );
    await db.close();
  });

  for (const [title, labels, message] of [
    ['no label', [], /needs a label/],
    ['an empty value', [{ name: 'a', value: '' }], /has no value/],
    ['an empty name', [{ name: '', value: 'x' }], /has no name/],
    ['half a surrogate pair', [{ name: 'a', value: '\ud800' }], /not valid Unicode/],
    ['a long value', [{ name: 'a', value: 'x'.repeat(70_000) }], /more than 65536 bytes/],
    [
      'a label twice',
      [
        { name: 'a', value: '1' },
        { name: 'a', value: '2' },
      ],
      /comes twice/,
    ],
  ] as const) {
    it(`refuses a series with ${title}`, async () => {
      const db = await setup().open();
      assert.throws(() => db.appender().series(labels), message);
      assert.equal(db.headStats().seriesCount, 0);
      await db.close();
    });
  }

  it('takes times before 1970, and none beyond the range of dates', async () => {
    const { fs, open } = setup();
    const db = await open();
    assert.equal(await put(db, 'a', -8.64e15 - 1, 1), 'out_of_bounds');
    assert.equal(await put(db, 'a', -8.64e15, 1), 'appended');
    for (let timeMs = -5; timeMs < 5; timeMs++) await put(db, 'a', timeMs, timeMs);
    assert.equal(await put(db, 'a', 8.64e15, 1), 'appended');
    assert.equal(await put(db, 'a', 8.64e15 + 1, 1), 'out_of_bounds');
    const metas = await db.flush();
    assert.deepEqual(
      metas.map(({ stats }) => stats.numSamples),
      [1, 5, 5, 1],
    );
    const table = await readBlockSamples(
      fs,
      db.blocks().map(({ dir }) => dir),
    );
    assert.equal(table.get(formatLabels(labelsOf('a')))?.size, 12);
    await db.close();
  });

  it('refuses more series than allowed, and goes on with those that it has', async () => {
    const db = await setup({ seriesMax: 2 }).open();
    await put(db, 'a', START_MS, 1);
    await put(db, 'b', START_MS, 1);
    assert.throws(() => db.appender().series(labelsOf('c')), coded('ERR_SERIES_LIMIT'));
    assert.equal(await put(db, 'a', START_MS + 1, 1), 'appended');
    await db.close();
  });

  it('refuses samples beyond the memory limit, and takes them again after a cut', async () => {
    const { open } = setup({ chunkBytesMax: 1 });
    const db = await open();
    await put(db, 'a', START_MS, 1);
    await assert.rejects(put(db, 'a', START_MS + 1, 1), coded('ERR_HEAD_FULL'));
    assert.equal(db.headStats().sampleCount, 1);
    await db.close();
  });

  it('keeps nothing of a scrape that the disk refused, and takes the next one', async () => {
    const { fs, open } = setup();
    const db = await open();
    await put(db, 'a', START_MS, 1);
    fs.fault = { atCall: fs.calls + 1, kind: 'fail', code: 'ERR_FS_FULL' };
    await assert.rejects(put(db, 'new', START_MS + 1, 1), coded('ERR_FS_FULL'));
    assert.equal(db.headStats().sampleCount, 1);
    await put(db, 'new', START_MS + 2, 1);
    await db.close();
    const again = await open();
    assert.equal(again.headStats().sampleCount, 2);
    await again.close();
  });

  it('brings scrapes that wait to the disk together', async () => {
    const { fs, open } = setup();
    const db = await open();
    await put(db, 'a', START_MS, 1);
    fs.log.length = 0;
    await Promise.all(['b', 'c', 'd', 'e'].map((name) => put(db, name, START_MS, 1)));
    assert.ok(fs.log.filter((line) => line.startsWith('sync')).length <= 2, fs.log.join('\n'));
    await db.close();
  });
});

describe('cutting', () => {
  it('makes a block of a window when half of the next one has passed', async () => {
    const { fs, clock, open } = setup();
    const db = await open();
    for (let minute = 0; minute <= 180; minute += 10) {
      await put(db, 'a', START_MS + minute * 60_000, minute);
    }
    await clock.advance(3 * HOUR_MS);
    assert.deepEqual(await db.cut(), [], 'three hours are not more than three hours');
    await put(db, 'a', START_MS + 181 * 60_000, 181);
    await clock.advance(2 * 60_000);
    const [meta] = await db.cut();
    assert.equal(meta.minTime, START_MS);
    assert.equal(meta.maxTime, START_MS + 2 * HOUR_MS);
    assert.deepEqual(meta.stats, { numSamples: 12, numSeries: 1, numChunks: 1 });
    assert.deepEqual(meta.compaction, { level: 1, sources: [meta.ulid] });
    assert.equal(db.headStats().sampleCount, 8);
    assert.equal(db.headStats().minTimeMs, START_MS + 2 * HOUR_MS);
    assert.equal(await put(db, 'b', START_MS + HOUR_MS, 1), 'out_of_bounds');
    assert.deepEqual(
      db.blocks().map(({ dir }) => dir),
      [`${DIR}/${meta.ulid}`],
    );
    assert.equal((await fs.stat(`${DIR}/${meta.ulid}/chunks/000001`))?.isDirectory, false);
    await db.close();
    const again = await open();
    assert.equal(again.headStats().sampleCount, 8, 'the block is not in the head again');
    await again.close();
  });

  it('does not close the present window for a sample from the future', async () => {
    const { clock, open } = setup();
    const db = await open();
    await put(db, 'a', START_MS, 1);
    await put(db, 'b', START_MS + 9 * HOUR_MS, 1);
    await clock.advance(HOUR_MS);
    assert.deepEqual(await db.cut(), []);
    assert.equal(await put(db, 'a', START_MS + 1, 1), 'appended');
    await db.close();
  });

  it('forgets a series that has ended, and gives it a new reference when it comes back', async () => {
    const { clock, open } = setup();
    const db = await open();
    const old = db.appender().series(labelsOf('gone', { with: 'label' }));
    const appender = db.appender();
    appender.append(old, START_MS, 1);
    await appender.commit();
    await put(db, 'stays', START_MS + 4 * HOUR_MS, 1);
    await clock.advance(4 * HOUR_MS);
    await db.cut();
    assert.equal(db.headStats().seriesCount, 1);
    const next = db.appender();
    assert.equal(next.append(old, START_MS + 5 * HOUR_MS, 1), undefined);
    const renewed = next.series(labelsOf('gone', { with: 'label' }));
    assert.notEqual(renewed, old);
    assert.equal(next.append(renewed, START_MS + 5 * HOUR_MS, 1), 'appended');
    await next.commit();
    await db.close();
    const again = await open();
    assert.equal(again.headStats().seriesCount, 2);
    await again.close();
  });

  it('keeps the log short', async () => {
    const { fs, clock, open } = setup();
    const db = await open();
    for (let hour = 0; hour < 24; hour++) {
      await clock.advance(HOUR_MS);
      for (let i = 0; i < 5; i++) await put(db, `series_${i}`, clock.nowMs() + i, hour);
      await db.cut();
    }
    const entries = await fs.list(`${DIR}/wal`);
    assert.ok(entries.length <= 6, entries.map(({ name }) => name).join(' '));
    assert.equal(entries.filter(({ isDirectory }) => isDirectory).length, 1, 'one checkpoint');
    const stats = db.headStats();
    await db.close();
    const again = await open();
    assert.equal(again.headStats().sampleCount, stats.sampleCount);
    assert.equal(again.headStats().seriesCount, stats.seriesCount);
    await again.close();
  });

  it('keeps the head when the block cannot be written, and leaves nothing behind', async () => {
    const { fs, clock, open } = setup();
    const db = await open();
    await put(db, 'a', START_MS, 1);
    await put(db, 'a', START_MS + 4 * HOUR_MS, 2);
    await clock.advance(4 * HOUR_MS);
    fs.fault = { atCall: fs.calls + 6, kind: 'fail', code: 'ERR_FS_FULL' };
    await assert.rejects(db.cut(), coded('ERR_FS_FULL'));
    assert.equal(db.headStats().sampleCount, 2);
    assert.deepEqual(
      (await fs.list(DIR)).map(({ name }) => name),
      ['wal'],
    );
    assert.equal((await db.cut()).length, 1);
    await db.close();
  });

  it('runs by itself, and tries again after an error', async () => {
    const { fs, clock, logger, open } = setup({ maintenanceIntervalMs: 60_000 });
    const db = await open();
    await put(db, 'a', START_MS, 1);
    await put(db, 'a', START_MS + 4 * HOUR_MS, 2);
    fs.fault = { atCall: fs.calls + 1, kind: 'fail' };
    await clock.advance(4 * HOUR_MS);
    await settle();
    assert.equal(logger.lines.filter(({ level }) => level === 'error').length, 1);
    assert.equal(db.blocks().length, 0);
    await clock.advance(60_000);
    await settle();
    assert.equal(db.blocks().length, 1);
    await db.close();
  });

  it('removes blocks after the retention, counted from the newest sample', async () => {
    const { clock, open } = setup({ maintenanceIntervalMs: 60_000, retentionMs: 12 * HOUR_MS });
    const db = await open();
    for (let hour = 0; hour < 30; hour++) {
      await clock.advance(HOUR_MS);
      await put(db, 'a', clock.nowMs(), hour);
    }
    await clock.advance(60_000);
    await settle();
    const oldest = Math.min(...db.blocks().map(({ meta }) => meta.maxTime));
    assert.ok(oldest > clock.nowMs() - 14 * HOUR_MS && oldest <= clock.nowMs() - 10 * HOUR_MS);
    await clock.advance(1000 * HOUR_MS);
    await settle();
    assert.ok(db.blocks().length >= 5, 'a clock that ran ahead removes nothing');
    await db.close();
  });
});

describe('a block of the head', () => {
  it('holds the samples of the range, cut at its ends, and leaves the head alone', async () => {
    const { fs, open } = setup();
    const db = await open();
    for (let i = 0; i < 500; i++) await put(db, 'a', START_MS + i * 15_000, i);
    const range = { minTimeMs: START_MS + 100 * 15_000, maxTimeMs: START_MS + 400 * 15_000 };
    const meta = await db.writeHeadBlock('elsewhere/dump', range);
    assert.ok(meta !== undefined);
    assert.equal(meta.stats.numSamples, 300);
    assert.deepEqual([meta.minTime, meta.maxTime], [range.minTimeMs, range.maxTimeMs]);
    const table = await readBlockSamples(fs, [`elsewhere/dump/${meta.ulid}`]);
    const samples = table.get(formatLabels(labelsOf('a')));
    assert.equal(samples?.size, 300);
    assert.equal(samples.get(range.minTimeMs), bitsOfNumber(100));
    assert.equal(db.headStats().sampleCount, 500);
    assert.deepEqual(db.blocks(), []);
    const outside = { minTimeMs: 0, maxTimeMs: START_MS };
    assert.equal(await db.writeHeadBlock('elsewhere/none', outside), undefined);
    await db.close();
  });

  it('is taken while scrapes go on', async () => {
    const { open } = setup();
    const db = await open();
    await put(db, 'a', START_MS, 1);
    const block = db.writeHeadBlock('dump', { minTimeMs: 0, maxTimeMs: START_MS + 1 });
    assert.equal(await put(db, 'a', START_MS + 1, 2), 'appended');
    assert.equal((await block)?.stats.numSamples, 1);
    await db.close();
  });
});

describe('flushing', () => {
  it('turns the head into blocks on the grid and empties it', async () => {
    const { fs, open } = setup();
    const db = await open();
    for (let hour = 0; hour < 5; hour++) await put(db, 'a', START_MS + hour * HOUR_MS, hour);
    const metas = await db.flush();
    assert.deepEqual(
      metas.map(({ minTime, maxTime }) => [minTime - START_MS, maxTime - START_MS]),
      [
        [0, 2 * HOUR_MS],
        [2 * HOUR_MS, 4 * HOUR_MS],
        [4 * HOUR_MS, 4 * HOUR_MS + 1],
      ],
    );
    assert.equal(db.headStats().sampleCount, 0);
    assert.deepEqual(await fs.list(`${DIR}/wal`), []);
    assert.equal(await put(db, 'a', START_MS + 6 * HOUR_MS, 1), 'appended');
    await db.close();
    const again = await open();
    assert.equal(again.headStats().sampleCount, 1);
    assert.deepEqual(await again.flush().then((blocks) => blocks.length), 1);
    assert.deepEqual(await again.flush(), []);
    await again.close();
  });

  it('ends although samples keep coming, and keeps those', async () => {
    const db = await setup().open();
    for (let hour = 0; hour < 3; hour++) await put(db, 'a', START_MS + hour * HOUR_MS, hour);
    let isOver = false;
    const flushed = db.flush().finally(() => (isOver = true));
    let came = 0;
    while (!isOver) await put(db, 'a', START_MS + 3 * HOUR_MS + ++came, came);
    const countOf = (blocks: readonly BlockMeta[]): number =>
      blocks.reduce((sum, { stats }) => sum + stats.numSamples, 0);
    const first = countOf(await flushed);
    assert.ok(first >= 3);
    assert.equal(first + countOf(await db.flush()), 3 + came);
    await db.close();
  });
});

describe('opening', () => {
  it('refuses a directory that is open, and opens it after close', async () => {
    const { open } = setup();
    const db = await open();
    await assert.rejects(open(), coded('ERR_FS_LOCKED'));
    await db.close();
    await db.close();
    assert.throws(() => db.appender(), coded('ERR_DB_CLOSED'));
    await assert.rejects(db.cut(), coded('ERR_DB_CLOSED'));
    await (await open()).close();
  });

  it('fails with a code when the directory cannot be written, and succeeds when it can', async () => {
    const { fs, open } = setup();
    fs.fault = { atCall: 1, kind: 'fail', code: 'ERR_FS_DENIED' };
    await assert.rejects(open(), coded('ERR_FS_DENIED'));
    await (await open()).close();
  });

  it('removes unfinished blocks and leaves unreadable ones alone', async () => {
    const { fs, logger, open } = setup();
    const ulid = '01M82H1M3YZSV92PFYRAAWTA4J';
    await fs.makeDir(`${DIR}/${ulid}.tmp-for-creation/chunks`);
    await fs.makeDir(`${DIR}/${ulid}.tmp-for-deletion`);
    await fs.makeDir(`${DIR}/${ulid}`);
    await fs.makeDir(`${DIR}/not-ours.tmp-for-creation`);
    await fs.makeDir(`${DIR}/wal/checkpoint.00000003.tmp`);
    const db = await open();
    assert.deepEqual(
      (await fs.list(DIR)).map(({ name }) => name),
      [ulid, 'not-ours.tmp-for-creation', 'wal'],
    );
    assert.deepEqual(await fs.list(`${DIR}/wal`), []);
    assert.deepEqual(db.blocks(), []);
    assert.match(String(logger.lines.find(({ level }) => level === 'warn')?.message), /left alone/);
    await db.close();
  });

  it('removes a snapshot of another program after the first scrape, not before', async () => {
    const { fs, open } = setup();
    const snapshot = `${DIR}/chunk_snapshot.000001.0000000042`;
    await fs.makeDir(snapshot);
    const db = await open();
    db.appender().rollback();
    assert.ok((await fs.stat(snapshot)) !== undefined);
    await put(db, 'a', START_MS, 1);
    await db.close();
    assert.equal(await fs.stat(snapshot), undefined);
  });

  it('gives back every scrape after a kill', async () => {
    const { fs, open } = setup();
    const db = await open();
    for (let i = 0; i < 300; i++) await put(db, `series_${i % 7}`, START_MS + i, i);
    const again = await open(fs.survivor('kill'));
    assert.equal(again.headStats().sampleCount, 300);
    assert.equal(again.headStats().seriesCount, 7);
    assert.equal(await put2(again), 'appended');
    await again.close();

    function put2(target: Db): Promise<AppendResult> {
      return put(target, 'series_0', START_MS + 301, 1);
    }
  });

  it('cuts a torn tail, says so in one line, and goes on', async () => {
    const { fs, logger, open } = setup();
    const db = await open();
    for (let i = 0; i < 10; i++) await put(db, 'a', START_MS + i, i);
    await db.close();
    const file = await fs.open(`${DIR}/wal/00000000`, 'update');
    await file.truncate((await file.size()) - 3);
    const again = await open();
    assert.equal(again.headStats().sampleCount, 9);
    assert.equal(logger.lines.filter(({ message }) => /was cut/.test(message)).length, 1);
    await put(again, 'a', START_MS + 20, 1);
    await again.close();
    const third = await open();
    assert.equal(third.headStats().sampleCount, 10);
    await third.close();
  });

  it('stops at a damaged record, reports it in one line, and keeps the rest aside', async () => {
    const { fs, logger, open } = setup();
    const db = await open();
    for (let i = 0; i < 10; i++) await put(db, 'a', START_MS + i, i);
    await db.close();
    const path = `${DIR}/wal/00000000`;
    const sizeBytes = (await fs.stat(path))?.sizeBytes ?? 0;
    const file = await fs.open(path, 'update');
    await file.write(Uint8Array.of(0xff), Math.floor(sizeBytes / 2));
    await file.close();
    const again = await open();
    const kept = again.headStats().sampleCount;
    assert.ok(kept > 2 && kept < 8);
    const [line, ...others] = logger.lines.filter(({ level }) => level === 'error');
    assert.equal(others.length, 0);
    assert.match(line.message, /damaged/);
    const aside = `${DIR}/wal/00000000.corrupt-${START_MS}`;
    assert.equal(line.fields?.keptAside, aside);
    assert.equal((await fs.stat(aside))?.sizeBytes, sizeBytes);
    const { reason = '', ...told } = again.walStats().damage ?? {};
    assert.match(reason, /damaged.*00000000/);
    const newestMs = START_MS + kept - 1;
    assert.deepEqual(told, { foundMs: START_MS, newestMs, keptAside: [aside] });
    await again.close();
    logger.lines.length = 0;
    const third = await open();
    assert.equal(third.headStats().sampleCount, kept);
    assert.deepEqual(third.walStats().damage?.keptAside, [aside], 'as long as it is there');
    assert.deepEqual(
      logger.lines.filter(({ level }) => level === 'error'),
      [],
    );
    await third.close();
    await fs.remove(aside);
    const fourth = await open();
    assert.equal(fourth.walStats().damage, undefined);
    await fourth.close();
  });
});
