import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { makeBlock, testUlid } from '../../../test/support/make-block.ts';
import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { readBlockSamples } from '../../../test/support/tsdb-samples.ts';
import type { SampleTable } from '../../../test/support/tsdb-samples.ts';
import { CodedError, hasCode } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { readSmallFile, sourceOf } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { STORE_BLOCKS_DIR, blockDirOf } from '../../filestore/layout.ts';
import { LocalFileStore } from '../../filestore/local-file-store.ts';
import { runMergeTask } from '../../tsdb/compact/merge-task.ts';
import { tsdbTasks } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import { BlockCatalog } from '../blocksync/block-catalog.ts';
import { overlapping, planMerges } from './plan.ts';
import { StoreUpkeep } from './store-upkeep.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FILES = ['meta.json', 'index', 'tombstones', 'chunks/000001'];

function meta(
  index: number,
  minTime: number,
  maxTime: number,
  sources = [testUlid(index)],
): BlockMeta {
  return {
    ulid: testUlid(index),
    minTime,
    maxTime,
    stats: { numSamples: 1, numSeries: 1, numChunks: 1 },
    compaction: { level: sources.length > 1 ? 2 : 1, sources },
    version: 1,
  };
}

describe('the plan of merges', () => {
  const hours = (from: number, to: number): BlockMeta =>
    meta(from / 2, from * HOUR_MS, to * HOUR_MS);
  const twoHours = (from: number, to: number): BlockMeta[] => {
    const blocks: BlockMeta[] = [];
    for (let hour = from; hour < to; hour += 2) blocks.push(hours(hour, hour + 2));
    return blocks;
  };
  const planned = (
    blocks: BlockMeta[],
    nowHours: number,
    oldestMs = -1,
    apart: number[] = [],
  ): number[][] => {
    const isApart = ({ minTime }: BlockMeta): boolean => apart.includes(minTime / HOUR_MS);
    return planMerges(blocks, nowHours * HOUR_MS, oldestMs, isApart).map((group) =>
      group.map(({ minTime }) => minTime / HOUR_MS),
    );
  };

  it('takes a day in one go once it is over, and six hours of the one that is not', () => {
    const [day, morning, ...rest] = planned(twoHours(0, 36), 35);
    assert.equal(day?.length, 12);
    assert.deepEqual(morning, [24, 26, 28]);
    assert.deepEqual(rest, []);
  });

  it('waits until nobody is likely to bring another block', () => {
    assert.deepEqual(planned(twoHours(0, 6), 9), []);
    assert.deepEqual(planned(twoHours(0, 6), 10), [[0, 2, 4]]);
  });

  it('leaves single blocks, those across windows and those past the retention alone', () => {
    assert.deepEqual(planned([hours(0, 2)], 100), []);
    assert.deepEqual(planned([hours(22, 26), hours(26, 28)], 100), []);
    assert.deepEqual(planned([hours(0, 2), hours(2, 4)], 100, 4 * HOUR_MS), []);
  });

  it('merges on either side of a block that is to stay, and never over it', () => {
    assert.deepEqual(planned(twoHours(0, 24), 100, -1, [8]), [
      [0, 2, 4, 6],
      [10, 12, 14, 16, 18, 20, 22],
    ]);
    assert.deepEqual(planned(twoHours(0, 6), 10, -1, [2]), []);
  });

  it('merges what came late, and does not take a block and its sources for two', () => {
    const sources = twoHours(0, 6);
    const merged = meta(
      50,
      0,
      6 * HOUR_MS,
      sources.map(({ ulid }) => ulid),
    );
    assert.deepEqual(planned([...sources, merged], 100), []);
    assert.deepEqual(planned([...sources, merged, hours(8, 10)], 100), [[0, 8]]);
  });
});

test('blocks that share times are told from those that only touch, and from their sources', () => {
  const found = (...spans: [from: number, to: number][]): number[] => {
    const blocks = spans.map(([from, to], i) => meta(i, from, to));
    const ulids = overlapping(blocks);
    return blocks.flatMap(({ ulid }, i) => (ulids.has(ulid) ? [i] : []));
  };
  assert.deepEqual(found([0, 2], [2, 4], [4, 6]), []);
  assert.deepEqual(found([0, 2], [1, 3], [3, 5]), [0, 1]);
  assert.deepEqual(found([0, 9], [8, 12], [1, 2], [11, 12], [12, 13]), [0, 1, 2, 3]);
  assert.deepEqual(found([5, 6], [0, 2], [0, 2]), [1, 2]);
  const sources = [meta(0, 0, 2), meta(1, 2, 4)];
  const merged = meta(
    9,
    0,
    4,
    sources.map(({ ulid }) => ulid),
  );
  assert.deepEqual([...overlapping([...sources, merged])], []);
});

/** A store with blocks of two hours in one day, on a disk or in a bucket. */
async function setUp(where: 'disk' | 'bucket', fs = new MemoryFs(), blocks = 3) {
  const work = new LocalFileStore({ fs, root: 'db', nowMs: () => 0 });
  const target: FileStore =
    where === 'disk'
      ? new LocalFileStore({ fs, root: 'files', nowMs: () => 0 })
      : new MemoryFileStore();
  await fs.makeDir('made');
  for (let i = 0; i < blocks; i++) await putBlock(fs, target, i, i * 2 * HOUR_MS);
  return { fs, work, target };
}

/** A block of two hours that begins at `from`. */
async function putBlock(
  fs: MemoryFs,
  target: FileStore,
  index: number,
  from: number,
): Promise<void> {
  const samples = Array.from({ length: 20 }, (_, k) => [from + k * 60_000, k] as const);
  await makeBlock(
    fs,
    'made',
    testUlid(index),
    [from, from + 2 * HOUR_MS],
    [
      { labels: { __name__: 'x', i: String(index) }, samples },
      { labels: { __name__: 'y' }, samples },
    ],
  );
  for (const file of FILES) {
    const bytes = await fs.readFile(`made/${testUlid(index)}/${file}`);
    await target.write(`${blockDirOf(testUlid(index))}/${file}`, sourceOf(bytes));
  }
}

function makeUpkeep(
  fs: MemoryFs,
  isDumping = false,
  mergesOverlaps = true,
  tasks: TaskRunner = inlineTasks(tsdbTasks(fs)),
) {
  const clock = new FakeClock();
  const catalog = new BlockCatalog();
  const upkeep = new StoreUpkeep({
    catalog,
    tasks,
    clock,
    logger: silentLogger,
    isDumping: async () => isDumping,
    mergesOverlaps: () => mergesOverlaps,
  });
  return { upkeep, catalog, clock, signal: new AbortController().signal };
}

/** The samples of all whole blocks of a store, each block read as a reader would. */
async function samplesOf(store: FileStore): Promise<SampleTable> {
  const fs = new MemoryFs();
  const disk = new LocalFileStore({ fs, root: 'copy', nowMs: () => 0 });
  const { whole } = await new BlockCatalog().list(store);
  for (const { ulid } of whole) {
    for (const file of FILES) {
      await disk.write(`${ulid}/${file}`, store.read(`${blockDirOf(ulid)}/${file}`));
    }
  }
  return readBlockSamples(
    fs,
    whole.map(({ ulid }) => `copy/${ulid}`),
  );
}

for (const where of ['disk', 'bucket'] as const) {
  describe(`upkeep of a store on a ${where}`, () => {
    it('makes one block of three, with every sample, and removes these', async () => {
      const { fs, work, target } = await setUp(where);
      const before = await samplesOf(target);
      const { upkeep, catalog, signal } = makeUpkeep(fs);
      assert.equal(await upkeep.run(target, work, -1, signal), 1);
      const { whole, broken } = await catalog.list(target);
      assert.deepEqual([whole.length, broken.length], [1, 0]);
      const sources = [0, 1, 2].map(testUlid);
      assert.deepEqual(whole[0]?.compaction.sources, sources);
      assert.deepEqual(await samplesOf(target), before);
      assert.deepEqual(await work.list('upkeep-work'), []);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 1);
      assert.equal(await upkeep.run(target, work, -1, signal), 0);
    });

    it('merges blocks that share times unless that is switched off', async () => {
      const { fs, work, target } = await setUp(where);
      await putBlock(fs, target, 7, HOUR_MS);
      const before = await samplesOf(target);
      const off = makeUpkeep(fs, false, false);
      assert.equal(await off.upkeep.run(target, work, -1, off.signal), 0);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 4);
      const on = makeUpkeep(fs);
      assert.equal(await on.upkeep.run(target, work, -1, on.signal), 1);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 1);
      assert.deepEqual(await samplesOf(target), before);
    });

    it('loses nothing to a part of a block, which an unpacked dump has brought', async () => {
      const { fs, work, target } = await setUp(where);
      const before = await samplesOf(target);
      const [ulid, range] = [testUlid(8), { minTimeMs: 2 * HOUR_MS, maxTimeMs: 2.1 * HOUR_MS }];
      const input = { blockDirs: [`made/${testUlid(1)}`], parentDir: 'made', ulid, range };
      const { upkeep, signal } = makeUpkeep(fs);
      assert.ok((await runMergeTask(fs, input, signal)) !== undefined);
      for (const file of FILES) {
        const bytes = await fs.readFile(`made/${ulid}/${file}`);
        await target.write(`${blockDirOf(ulid)}/${file}`, sourceOf(bytes));
      }
      assert.equal(await upkeep.run(target, work, -1, signal), 1);
      assert.deepEqual(await samplesOf(target), before);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 1);
    });

    it('keeps the sources while a dump runs, and removes them later', async () => {
      const { fs, work, target } = await setUp(where);
      const dumping = makeUpkeep(fs, true);
      await dumping.upkeep.run(target, work, -1, dumping.signal);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 4);
      const idle = makeUpkeep(fs);
      assert.equal(await idle.upkeep.run(target, work, -1, idle.signal), 0);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 1);
    });

    for (const file of ['index', 'chunks/000001', 'tombstones', 'meta.json']) {
      it(`keeps the sources of a merged block that is damaged in the store: ${file}`, async () => {
        const { fs, work, target } = await setUp(where);
        const before = await samplesOf(target);
        const dumping = makeUpkeep(fs, true);
        await dumping.upkeep.run(target, work, -1, dumping.signal);
        const sources = [0, 1, 2].map(testUlid);
        const names = (await target.list(STORE_BLOCKS_DIR)).map(({ name }) => name);
        const merged = names.find((name) => !sources.includes(name)) ?? '';
        const path = `${blockDirOf(merged)}/${file}`;
        const bytes = await readSmallFile(target, path, 1 << 20);
        await target.write(path, sourceOf(bytes.with(-5, bytes[bytes.length - 5] ^ 0xff)));
        const idle = makeUpkeep(fs);
        await idle.upkeep.run(target, work, -1, idle.signal);
        assert.ok(idle.upkeep.damaged.some(({ ulid }) => ulid === merged));
        await target.removeTree(blockDirOf(merged));
        assert.deepEqual(await samplesOf(target), before);
      });
    }

    it('keeps the sources when the store does not give back what it was given', async () => {
      const { fs, work, target } = await setUp(where);
      const write = target.write.bind(target);
      target.write = async (path, source) => {
        const sizeBytes = await write(path, source);
        if (!path.endsWith('/index')) return sizeBytes;
        const bytes = await readSmallFile(target, path, 1 << 20);
        return write(path, sourceOf(bytes.with(100, bytes[100] ^ 1)));
      };
      const { upkeep, signal } = makeUpkeep(fs);
      await upkeep.run(target, work, -1, signal);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 4);
      assert.equal(upkeep.damaged.length, 1);
    });

    it('leaves blocks alone that cannot be merged, and others are merged', async () => {
      const { fs, work, target } = await setUp(where);
      await makeBlock(
        fs,
        'made',
        testUlid(9),
        [DAY_MS, DAY_MS + HOUR_MS],
        [{ labels: { __name__: 'x' }, samples: [[DAY_MS, 1]] }],
      );
      for (const [ulid, index] of [
        [testUlid(9), 0],
        [testUlid(8), 1],
      ] as const) {
        for (const file of FILES) {
          let bytes: Uint8Array = await fs.readFile(`made/${testUlid(9)}/${file}`);
          if (file === 'meta.json') {
            const moved = { ...meta(8 + 1 - index, DAY_MS, DAY_MS + HOUR_MS), ulid };
            const text = JSON.stringify({ ...moved, compaction: { level: 1, sources: [ulid] } });
            bytes = new TextEncoder().encode(text);
          }
          if (file === 'index' && index === 1) bytes = bytes.map((byte) => byte ^ 0x55);
          await target.write(`${blockDirOf(ulid)}/${file}`, sourceOf(bytes));
        }
      }
      const { upkeep, signal } = makeUpkeep(fs);
      assert.equal(await upkeep.run(target, work, -1, signal), 1);
      const names = (await target.list(STORE_BLOCKS_DIR)).map(({ name }) => name);
      assert.equal(names.length, 3);
      assert.ok(names.includes(testUlid(8)) && names.includes(testUlid(9)));
      const calls = fs.calls;
      await upkeep.run(target, work, -1, signal);
      assert.ok(fs.calls - calls < 30, 'damage is looked at again right away');
    });

    it('merges around a damaged block, names it, and takes it in when it was repaired', async () => {
      const { fs, work, target } = await setUp(where, new MemoryFs(), 5);
      const before = await samplesOf(target);
      const chunks = `${blockDirOf(testUlid(2))}/chunks/000001`;
      const good = await readSmallFile(target, chunks, 1 << 20);
      await target.write(chunks, sourceOf(good.with(-3, good[good.length - 3] ^ 1)));
      const { upkeep, catalog, clock, signal } = makeUpkeep(fs);
      assert.equal(await upkeep.run(target, work, -1, signal), 2);
      assert.deepEqual(
        upkeep.damaged.map(({ ulid }) => ulid),
        [testUlid(2)],
      );
      assert.match(upkeep.damaged[0].reason, /checksum/i);
      const sources = (await catalog.list(target)).whole
        .toSorted((a, b) => a.minTime - b.minTime)
        .map(({ compaction }) => compaction.sources);
      const [a, b, c, d, e] = [0, 1, 2, 3, 4].map(testUlid);
      assert.deepEqual(sources, [[a, b], [c], [d, e]]);
      assert.equal(await upkeep.run(target, work, -1, signal), 0, 'it was merged over');

      await target.write(chunks, sourceOf(good));
      await clock.advance(DAY_MS);
      assert.equal(await upkeep.run(target, work, -1, signal), 1);
      assert.deepEqual(upkeep.damaged, []);
      assert.deepEqual(await samplesOf(target), before);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 1);
    });

    it('takes a block that hangs for no damaged one, and merges the others', async () => {
      const { fs, work, target } = await setUp(where);
      for (let i = 12; i < 15; i++) await putBlock(fs, target, i, i * 2 * HOUR_MS);
      const before = await samplesOf(target);
      const inline = inlineTasks(tsdbTasks(fs));
      const asked: string[] = [];
      let isHanging = true;
      const tasks: TaskRunner = {
        run: (task, input, options) => {
          asked.push(task.name);
          return isHanging && asked.length === 1
            ? Promise.reject(new CodedError('ERR_FS_HANGING', 'a file call does not return'))
            : inline.run(task, input, options);
        },
      };
      const { upkeep, clock, signal } = makeUpkeep(fs, false, true, tasks);
      assert.equal(await upkeep.run(target, work, -1, signal), 1);
      assert.deepEqual(asked, ['tsdb.merge-blocks', 'tsdb.merge-blocks', 'tsdb.verify-block']);
      assert.deepEqual(upkeep.damaged, []);
      isHanging = false;
      assert.equal(await upkeep.run(target, work, -1, signal), 0);
      await clock.advance(HOUR_MS);
      assert.equal(await upkeep.run(target, work, -1, signal), 1);
      assert.deepEqual(await samplesOf(target), before);
    });

    it('leaves the store alone when the local disk has no room', async () => {
      const { fs, work, target } = await setUp(where);
      fs.freeBytes = async () => 1024;
      const { upkeep, signal } = makeUpkeep(fs);
      assert.equal(await upkeep.run(target, work, -1, signal), 0);
      assert.equal((await target.list(STORE_BLOCKS_DIR)).length, 3);
    });
  });
}

describe('upkeep that is interrupted', () => {
  it('loses no sample at whichever call the process dies, and goes on afterwards', async () => {
    const whole = await setUp('disk');
    const before = await samplesOf(whole.target);
    const callsBefore = whole.fs.calls;
    const first = makeUpkeep(whole.fs);
    await first.upkeep.run(whole.target, whole.work, -1, first.signal);
    const calls = whole.fs.calls - callsBefore;
    assert.ok(calls > 50, `${calls} calls`);
    for (let call = 1; call <= calls; call++) {
      const { fs, work, target } = await setUp('disk');
      fs.fault = { atCall: fs.calls + call, kind: 'crash' };
      const dying = makeUpkeep(fs);
      await assert.rejects(dying.upkeep.run(target, work, -1, dying.signal), `call ${call}`);
      const disk = fs.survivor(call % 2 === 0 ? 'kill' : 'power cut');
      const store = new LocalFileStore({ fs: disk, root: 'files', nowMs: () => 0 });
      assert.deepEqual(await samplesOf(store), before, `call ${call}`);
      const again = makeUpkeep(disk);
      const database = new LocalFileStore({ fs: disk, root: 'db', nowMs: () => 0 });
      await again.upkeep.run(store, database, -1, again.signal);
      assert.deepEqual(await samplesOf(store), before, `after call ${call}`);
      assert.equal((await again.catalog.list(store)).whole.length, 1, `after call ${call}`);
      assert.deepEqual(await database.list('upkeep-work'), []);
    }
  });

  it('loses no sample whichever request to a bucket fails', async () => {
    const whole = await setUp('bucket');
    const before = await samplesOf(whole.target);
    const bucket = whole.target as MemoryFileStore;
    bucket.log.length = 0;
    const first = makeUpkeep(whole.fs);
    await first.upkeep.run(bucket, whole.work, -1, first.signal);
    const requests = bucket.log.length;
    for (let request = 0; request < requests; request++) {
      const { fs, work, target } = await setUp('bucket');
      const store = target as MemoryFileStore;
      let count = 0;
      store.check = () => {
        if (count++ === request) throw new Error('the network broke');
      };
      const failing = makeUpkeep(fs);
      const outcome = await failing.upkeep
        .run(store, work, -1, failing.signal)
        .catch((error: unknown) => error);
      store.check = () => undefined;
      assert.ok(!hasCode(outcome, 'ERR_INTERNAL'));
      assert.deepEqual(await samplesOf(store), before, `request ${request}`);
      const again = makeUpkeep(fs);
      await again.upkeep.run(store, work, -1, again.signal);
      assert.deepEqual(await samplesOf(store), before, `after request ${request}`);
      assert.equal((await again.catalog.list(store)).whole.length, 1);
    }
  });
});
