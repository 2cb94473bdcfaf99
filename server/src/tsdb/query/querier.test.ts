import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { makeBlock, type SeriesToWrite, testUlid } from '../../../test/support/make-block.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { hasCode } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { formatLabels, makeLabels } from '../../model/labels.ts';
import { Db } from '../db/db.ts';
import { ReadOnlyDb } from '../db/read-only-db.ts';
import { tsdbTasks } from '../tasks.ts';
import { encodeTombstones } from '../tombstones/tombstones.ts';
import { parseSelector } from './selector.ts';

const clock = new FakeClock();

function series(fromMs: number, toMs: number, add = 0): SeriesToWrite[] {
  const samples: [number, number][] = [];
  for (let timeMs = fromMs; timeMs < toMs; timeMs += 100) samples.push([timeMs, timeMs + add]);
  return [
    { labels: { __name__: 'a', job: 'x', zone: 'größer 🎈' }, samples },
    { labels: { __name__: 'a', job: 'y' }, samples },
    { labels: { __name__: 'b', job: 'x' }, samples },
    ...Array.from({ length: 100 }, (_, i) => ({
      labels: { __name__: 'many', id: `${i}` },
      samples,
    })),
  ];
}

async function disk(): Promise<MemoryFs> {
  const fs = new MemoryFs();
  await fs.makeDir('db');
  await makeBlock(fs, 'db', testUlid(1), [0, 1000], series(0, 1000));
  await makeBlock(fs, 'db', testUlid(2), [1000, 2000], series(1000, 2000));
  return fs;
}

function open(fs: MemoryFs): Promise<ReadOnlyDb> {
  return ReadOnlyDb.open({ fs, dir: 'db', clock, logger: silentLogger });
}

async function select(
  fs: MemoryFs,
  selector: string,
  minTimeMs = -Infinity,
  maxTimeMs = Infinity,
): Promise<[labels: string, times: number[], values: number[]][]> {
  const db = await open(fs);
  const querier = await db.querier({ minTimeMs, maxTimeMs });
  const set = await querier.select(await parseSelector(selector));
  const found: [string, number[], number[]][] = [];
  const view = new DataView(new ArrayBuffer(8));
  while (await set.next()) {
    const samples = await set.samples();
    const times: number[] = [];
    const values: number[] = [];
    while (samples.next()) {
      times.push(samples.timeMs);
      view.setInt32(0, samples.valueHi);
      view.setInt32(4, samples.valueLo);
      values.push(view.getFloat64(0));
    }
    found.push([formatLabels(set.labels), times, values]);
  }
  await db.close();
  return found;
}

describe('a query', () => {
  const selections: [string, number][] = [
    ['a', 2],
    ['{job="x"}', 2],
    ['{job!="x"}', 101],
    ['{job=""}', 100],
    ['{job!=""}', 3],
    ['{job=~"x|y"}', 3],
    ['{job=~"x|"}', 102],
    ['{job=~".+"}', 3],
    ['{job!~"x.*"}', 101],
    ['{id=~"1.?"}', 11],
    ['{id=~"1.?",id!="11"}', 10],
    ['{zone="größer 🎈"}', 1],
    ['{nothing="x"}', 0],
    ['{nothing=""}', 103],
    ["{__name__=~'(?s:.*)'}", 103],
    ['a{job="z"}', 0],
  ];
  for (const [selector, count] of selections) {
    it(`finds ${count} series for ${selector}`, async () => {
      assert.equal((await select(await disk(), selector)).length, count);
    });
  }

  it('joins the samples of blocks, in the order of labels', async () => {
    const found = await select(await disk(), '{__name__=~"a|b"}');
    const times = Array.from({ length: 20 }, (_, i) => i * 100);
    assert.deepEqual(found, [
      ['{__name__="a", job="x", zone="größer 🎈"}', times, times],
      ['{__name__="a", job="y"}', times, times],
      ['{__name__="b", job="x"}', times, times],
    ]);
  });

  it('gives samples within the range, and no series without', async () => {
    const found = await select(await disk(), 'b', 850, 1201);
    assert.deepEqual(
      found.map(([, times]) => times),
      [[900, 1000, 1100, 1200]],
    );
    assert.deepEqual(await select(await disk(), 'b', 2000, 3000), []);
  });

  it('gives one sample for a time when blocks overlap', async () => {
    const fs = await disk();
    await makeBlock(fs, 'db', testUlid(3), [500, 1500], series(550, 1500, 1));
    const [[, times]] = await select(fs, 'b', 400, 800);
    assert.deepEqual(times, [400, 500, 550, 600, 650, 700, 750]);
  });

  it('leaves out what tombstones delete', async () => {
    const fs = await disk();
    const db = await open(fs);
    const [ref] = await db.blocks[0].index.postings('__name__', 'b');
    await db.close();
    const file = await fs.open(`db/${testUlid(1)}/tombstones`, 'create');
    await file.write(encodeTombstones([{ seriesRef: ref, minTimeMs: 200, maxTimeMs: 800 }]));
    await file.close();
    const [[, times]] = await select(fs, 'b', 0, 1000);
    assert.deepEqual(times, [0, 100, 900]);
  });

  it('reads the log behind the blocks, and changes nothing', async () => {
    const fs = await disk();
    const tasks = inlineTasks(tsdbTasks(fs));
    const db = await Db.open({
      fs,
      dir: 'db',
      clock,
      logger: silentLogger,
      tasks,
      maintenanceIntervalMs: 0,
    });
    const appender = db.appender();
    const ref = appender.series(
      makeLabels([
        ['__name__', 'b'],
        ['job', 'x'],
      ]),
    );
    appender.append(ref, 2500, 7);
    await appender.commit();
    await db.close();
    const { calls } = fs;
    const [[, times, values]] = await select(fs, 'b', 1800);
    assert.deepEqual(
      [times, values],
      [
        [1800, 1900, 2500],
        [1800, 1900, 7],
      ],
    );
    const names = await (await open(fs)).querier({ minTimeMs: 0, maxTimeMs: Infinity });
    assert.deepEqual(await names.labelNames(), ['__name__', 'id', 'job', 'zone']);
    assert.deepEqual(await names.labelValues('job'), ['x', 'y']);
    assert.equal(fs.calls, calls);
  });

  it('leaves a damaged log as it is, and answers with what lies before the damage', async () => {
    const fs = await disk();
    await fs.makeDir('db/wal');
    const tasks = inlineTasks(tsdbTasks(fs));
    const options = { fs, dir: 'db', clock, logger: silentLogger, tasks, maintenanceIntervalMs: 0 };
    const db = await Db.open(options);
    for (const timeMs of [2100, 2200, 2300, 2400]) {
      const appender = db.appender();
      appender.append(appender.series(makeLabels([['__name__', 'c']])), timeMs, 7);
      await appender.commit();
    }
    const path = 'db/wal/00000000';
    const { sizeBytes = 0 } = (await fs.stat(path)) ?? {};
    const killed = fs.survivor('kill');
    // A half record at the end would be cut off, and one in the middle set aside with the rest.
    for (const at of [sizeBytes - 1, Math.floor(sizeBytes / 2)]) {
      const file = await killed.open(path, 'update');
      await file.write(Uint8Array.of(0xff), at);
      await file.close();
      const { calls } = killed;
      const [[, times]] = await select(killed, 'c');
      assert.ok(times.length > 0 && times.length < 4, String(times));
      assert.equal(killed.calls, calls, killed.log.slice(calls).join());
    }
  });

  it('opens blocks without reading more than the ends of their indexes', async () => {
    const fs = await disk();
    const reads: [string, number][] = [];
    const counting = Object.create(fs) as MemoryFs;
    counting.open = async (path, mode) => {
      const file = await fs.open(path, mode);
      return {
        ...file,
        read: (into, offset) => {
          reads.push([path.slice(path.lastIndexOf('/') + 1), into.length]);
          return file.read(into, offset);
        },
      };
    };
    counting.stat = (path) => fs.stat(path);
    counting.list = (dir) => fs.list(dir);
    counting.readFile = (path) => fs.readFile(path);
    const db = await open(counting);
    // Several blocks are opened at once, in any order.
    reads.sort((a, b) => a[1] - b[1]);
    assert.deepEqual(reads, [
      ['index', 5],
      ['index', 5],
      ['index', 52],
      ['index', 52],
    ]);
    await db.close();
  });

  it('names the blocks that are damaged', async () => {
    const fs = await disk();
    const file = await fs.open(`db/${testUlid(1)}/index`, 'create');
    await file.close();
    await assert.rejects(open(fs), (error) => {
      assert.ok(hasCode(error, 'ERR_BLOCKS_DAMAGED') && error instanceof Error);
      assert.deepEqual([...new Set(error.message.match(/\b\w{26}\b/g))], [testUlid(1)]);
      return true;
    });
  });

  it('answers damage with a coded error, and never with other samples', async () => {
    const expected = await select(await disk(), '{job!~"z"}');
    const fs = await disk();
    const path = `db/${testUlid(1)}/index`;
    const bytes = await fs.readFile(path);
    for (let at = 0; at < bytes.length; at += 7) {
      const file = await fs.open(path, 'create');
      await file.write(bytes.with(at, bytes[at] ^ 0x11));
      await file.close();
      try {
        assert.deepEqual(await select(fs, '{job!~"z"}'), expected);
      } catch (error) {
        assert.match(
          String(Reflect.get(Object(error), 'code')),
          /^ERR_(?!INTERNAL|ASSERTION)/,
          `byte ${at}`,
        );
      }
    }
  });
});
