import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import type { LogFields } from '../../base/log.ts';
import { silentLogger } from '../../base/log.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { makeLabels } from '../../model/labels.ts';
import { CHUNK_XOR } from '../chunkenc/encodings.ts';
import { XorChunkBuilder } from '../chunkenc/xor-chunk.ts';
import { BLOCK_RANGE_MS, SERIES_MAX } from '../limits.ts';
import { beginSamplesRecord, putSample } from '../record/samples-record.ts';
import { beginSeriesRecord, putSeries } from '../record/series-record.ts';
import { tsdbTasks } from '../tasks.ts';
import { runCheckpointTask } from '../wal/checkpoint.ts';
import { listSegments } from '../wal/segments.ts';
import { WalWriter } from '../wal/wal-writer.ts';
import { writeChunkSnapshot } from './chunk-snapshot-writer.ts';
import { Head } from './head.ts';
import { type FoundDamage, HeadReplay } from './replay.ts';

const DIR = 'tsdb';

function series(ref: number, name: string): Uint8Array {
  const out = new ByteWriter();
  beginSeriesRecord(out);
  putSeries(out, ref, makeLabels([['__name__', name]]));
  return out.copy();
}

function samples(...list: readonly (readonly [ref: number, timeMs: number])[]): Uint8Array {
  const out = new ByteWriter();
  beginSamplesRecord(out, list[0][0], list[0][1]);
  for (const [ref, timeMs] of list) putSample(out, ref - list[0][0], timeMs - list[0][1], 1, 2);
  return out.copy();
}

function tombstones(
  ...list: readonly (readonly [ref: number, min: number | bigint, max: number | bigint])[]
): Uint8Array {
  const bytes: number[] = [3];
  const put = (value: bigint): void => {
    let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
    bytes.push(Number(left));
  };
  for (const [ref, min, max] of list) {
    bytes.push(0, 0, 0, 0, 0, 0, 0, ref);
    put(BigInt(min));
    put(BigInt(max));
  }
  return Uint8Array.from(bytes);
}

async function writeLog(
  fs: MemoryFs,
  segments: readonly (readonly Uint8Array[])[],
  dir = `${DIR}/wal`,
  first = 0,
): Promise<void> {
  await fs.makeDir(dir);
  const writer = new WalWriter(fs, dir, first, 128 * 1024 * 1024);
  for (const records of segments) {
    await writer.append(records);
    await writer.cut();
  }
  await writer.close();
}

async function replay(
  fs: MemoryFs,
  minValidTimeMs = -Infinity,
  tasks?: TaskRunner,
): Promise<{
  head: Head;
  nextSegment: number;
  damage: FoundDamage | undefined;
  warnings: (LogFields | undefined)[];
  times: (name: string) => readonly [number, number] | undefined;
}> {
  const clock = new FakeClock();
  const head = new Head({ clock, blockRangeMs: BLOCK_RANGE_MS, seriesMax: SERIES_MAX });
  head.raiseMinValidTime(minValidTimeMs);
  const warnings: (LogFields | undefined)[] = [];
  const logger = {
    ...silentLogger,
    warn: (_: string, fields?: LogFields) => warnings.push(fields),
  };
  const { nextSegment, damage } = await new HeadReplay(head, {
    fs,
    dir: DIR,
    clock,
    logger,
    ...(tasks !== undefined && { tasks }),
  }).run();
  return {
    head,
    damage,
    nextSegment,
    warnings,
    times: (name) => {
      const slot = head.table.find(makeLabels([['__name__', name]]));
      return slot < 0 ? undefined : [head.table.refOf(slot), head.table.doubles[slot * 12]];
    },
  };
}

describe('replay', () => {
  it('takes series and samples, and goes on behind the last segment', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(7, 'a'), samples([7, 10], [7, 20])], [samples([7, 30])]]);
    const { head, nextSegment, warnings, times } = await replay(fs);
    assert.equal(head.sampleCount, 3);
    assert.deepEqual(times('a'), [7, 30]);
    assert.equal(nextSegment, 2);
    assert.deepEqual(warnings, []);
    assert.equal(head.table.lastRef, 7, 'new series get references that nobody has');
  });

  it('leaves out what blocks hold already', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(1, 'a'), samples([1, 10], [1, 20], [1, 30])]]);
    const { head } = await replay(fs, 20);
    assert.equal(head.sampleCount, 2);
    assert.equal(head.minTimeMs, 20);
  });

  it('counts and skips records and series that it does not know', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [
      [
        series(1, 'a'),
        Uint8Array.of(4, 1, 2, 3),
        Uint8Array.of(4, 4),
        Uint8Array.of(99),
        samples([1, 10], [5, 10]),
      ],
    ]);
    const { head, warnings } = await replay(fs);
    assert.equal(head.sampleCount, 1);
    assert.deepEqual(warnings, [
      { exemplars: 2, 'type 99': 1, zstdRecords: 0, samplesOfUnknownSeries: 1 },
    ]);
  });

  it('leaves out what was deleted, in answers and in the next snapshot of chunks', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [
      [series(1, 'a'), series(2, 'b'), samples([1, 10], [2, 10], [1, 20], [2, 20], [1, 30])],
      [tombstones([1, 15, 25], [2, -(2n ** 63n), 15], [9, 0, 100]), samples([1, 40])],
    ]);
    const { head, warnings } = await replay(fs);
    assert.deepEqual(warnings, []);
    assert.deepEqual(head.tombstones.all(), [
      { seriesRef: 1, minTimeMs: 15, maxTimeMs: 25 },
      { seriesRef: 2, minTimeMs: Number.MIN_SAFE_INTEGER, maxTimeMs: 15 },
    ]);
    assert.equal(head.table.lastRef, 9, 'a reference that was given away is not given again');

    await writeChunkSnapshot(fs, DIR, head);
    const again = await replay(fs);
    assert.deepEqual(again.head.tombstones.all(), head.tombstones.all());
  });

  it('drops a series that was deleted as a whole, and takes what comes behind', async () => {
    const fs = new MemoryFs();
    const whole = tombstones([1, -(2n ** 63n), 2n ** 63n - 1n]);
    await writeLog(fs, [
      [series(1, 'a'), samples([1, 10], [1, 20]), whole, series(2, 'a'), samples([2, 30])],
    ]);
    const { head, times } = await replay(fs);
    assert.equal(head.sampleCount, 1);
    assert.deepEqual(times('a'), [2, 30]);
    assert.deepEqual(head.tombstones.all(), []);
  });

  it('follows a series that comes again under another reference', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(1, 'a'), samples([1, 10]), series(9, 'a'), samples([9, 20])]]);
    const { head, times } = await replay(fs);
    assert.equal(head.table.count, 1);
    assert.deepEqual(times('a'), [1, 20]);
  });

  it('follows references that are used again or out of range', async () => {
    const fs = new MemoryFs();
    const far = 2 ** 40;
    await writeLog(fs, [
      [series(1, 'a'), samples([1, 10]), series(1, 'b'), samples([1, 20])],
      [series(far, 'c'), samples([far, 30])],
    ]);
    const { head, times } = await replay(fs);
    assert.equal(head.table.count, 3);
    assert.deepEqual(times('a'), [1, 10]);
    assert.equal(times('b')?.[1], 20);
    assert.equal(times('c')?.[1], 30);
  });

  it('decodes long segments elsewhere, part by part, up to the damage', async () => {
    const fs = new MemoryFs();
    const perRecord = 25_000;
    const records = Array.from({ length: 40 }, (_, i) => {
      const first = i * perRecord;
      return samples(...Array.from({ length: perRecord }, (__, at) => [1, first + at] as const));
    });
    // A series in the middle of a part, and one whose samples follow in the next.
    const late = [series(2, 'late'), samples([2, 7])];
    const all = [series(1, 'a'), ...records.slice(0, 20), ...late, ...records.slice(20)];
    await writeLog(fs, [all]);
    let tasksRun = 0;
    const inline = inlineTasks(tsdbTasks(fs));
    const tasks: TaskRunner = {
      run: (task, input, options) => {
        tasksRun++;
        return inline.run(task, input, options);
      },
    };
    const { head, times } = await replay(fs, -Infinity, tasks);
    assert.equal(head.sampleCount, 40 * perRecord + 1);
    assert.deepEqual(times('a'), [1, 40 * perRecord - 1]);
    assert.deepEqual(times('late'), [2, 7]);
    assert.equal(tasksRun, 3, 'four parts of at most 262,144 samples, the first read here');

    const path = `${DIR}/wal/00000000`;
    const bytes = await fs.readFile(path);
    const file = await fs.open(path, 'update');
    await file.write(Uint8Array.of(0xff), bytes.length >> 1);
    await file.close();
    const cut = await replay(fs, -Infinity, tasks);
    assert.ok(cut.head.sampleCount > 15 * perRecord && cut.head.sampleCount < 25 * perRecord);
    assert.equal(cut.head.sampleCount % perRecord, cut.times('late') === undefined ? 0 : 1);
    assert.equal((await fs.list(`${DIR}/wal`)).length, 2, 'the rest is kept aside');
  });

  it('starts with the checkpoint and skips the segments that it stands for', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(1, 'a'), samples([1, 10])]], `${DIR}/wal/checkpoint.00000001`);
    await writeLog(fs, [[samples([1, 5])], [samples([1, 6])], [samples([1, 20])]]);
    const { head, times } = await replay(fs);
    assert.equal(head.sampleCount, 2);
    assert.deepEqual(times('a'), [1, 20]);
  });

  it('sets aside what lies behind a missing segment', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(1, 'a')], [samples([1, 10])], [samples([1, 20])]]);
    await fs.remove(`${DIR}/wal/00000001`);
    const { head, nextSegment } = await replay(fs);
    assert.equal(head.sampleCount, 0);
    assert.equal(nextSegment, 1);
    assert.deepEqual(await listSegments(fs, `${DIR}/wal`), [0]);
    assert.equal((await fs.list(`${DIR}/wal`)).length, 2);
  });

  it('says when the samples of series are there and their names are not', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(1, 'a'), samples([1, 10])], [samples([1, 20], [1, 30])]]);
    await fs.remove(`${DIR}/wal/00000000`);
    const { damage, head } = await replay(fs, 15);
    assert.equal(head.sampleCount, 0);
    assert.match(damage?.error.message ?? '', /not named/);
    assert.equal(damage?.error.details.samplesOfUnknownSeries, 2);
    assert.deepEqual(damage?.keptAside, []);
    assert.equal((await replay(fs, 31)).damage, undefined, 'a block has them');
  });

  it('says when the segment behind a checkpoint is gone, and takes those that follow', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [
      [series(1, 'a'), samples([1, 10])],
      [samples([1, 20])],
      [samples([1, 30])],
      [samples([1, 40])],
    ]);
    const input = { dir: `${DIR}/wal`, lastSegment: 1, minTimeMs: 0, keepRefs: Uint32Array.of(1) };
    await runCheckpointTask(fs, input, new AbortController().signal);
    for (const index of [0, 1, 2]) await fs.remove(`${DIR}/wal/0000000${index}`);
    const { damage, head } = await replay(fs);
    assert.match(damage?.error.message ?? '', /segment is missing/);
    assert.equal(head.sampleCount, 3);
  });

  it('takes chunks of chunks_head, and from the log only what is newer', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(3, 'a'), samples([3, 2000], [3, 3000], [3, 4000])]]);
    await writeHeadChunks(fs, [{ ref: 3, fromMs: 0, count: 4 }]);
    const { head, times, warnings } = await replay(fs);
    assert.equal(head.sampleCount, 5);
    assert.equal(head.minTimeMs, 0);
    assert.deepEqual(times('a'), [3, 4000]);
    assert.deepEqual(warnings, []);
  });

  it('goes on without the damaged end of a chunks_head file', async () => {
    const fs = new MemoryFs();
    await writeLog(fs, [[series(3, 'a'), samples([3, 9000])]]);
    await writeHeadChunks(fs, [
      { ref: 3, fromMs: 0, count: 4 },
      { ref: 3, fromMs: 5000, count: 2 },
    ]);
    const path = `${DIR}/chunks_head/000001`;
    const file = await fs.open(path, 'update');
    await file.write(Uint8Array.of(0xff), (await file.size()) - 106);
    const { head, warnings } = await replay(fs);
    assert.equal(head.sampleCount, 5);
    assert.equal(warnings.length, 1);
  });
});

describe('a checkpoint', () => {
  it('keeps living series, samples from then on, and what nobody here understands', async () => {
    const fs = new MemoryFs();
    const unknown = Uint8Array.of(99, 1, 2);
    await writeLog(fs, [
      [series(1, 'stays'), series(2, 'gone'), samples([1, 10], [2, 10])],
      [
        unknown,
        tombstones([1, 0, 19]),
        tombstones([1, 25, 30], [2, 0, 99]),
        tombstones([2, 0, 99]),
      ],
      [samples([1, 20], [1, 30])],
      [samples([1, 40])],
    ]);
    const dir = `${DIR}/wal`;
    const input = { dir, lastSegment: 2, minTimeMs: 20, keepRefs: Uint32Array.of(1) };
    await runCheckpointTask(fs, input, new AbortController().signal);
    for (const index of [0, 1, 2]) await fs.remove(`${dir}/0000000${index}`);
    const { head, times, warnings } = await replay(fs);
    assert.equal(head.sampleCount, 3);
    assert.deepEqual(times('stays'), [1, 40]);
    assert.equal(times('gone'), undefined);
    assert.deepEqual(head.tombstones.all(), [{ seriesRef: 1, minTimeMs: 25, maxTimeMs: 30 }]);
    assert.deepEqual(warnings, [{ 'type 99': 1, zstdRecords: 0, samplesOfUnknownSeries: 0 }]);
    // The next one begins with what the first holds.
    await runCheckpointTask(fs, { ...input, lastSegment: 3 }, new AbortController().signal);
    await fs.removeTree(`${dir}/checkpoint.00000002`);
    await fs.remove(`${dir}/00000003`);
    assert.equal((await replay(fs)).head.sampleCount, 3);
  });
});

async function writeHeadChunks(
  fs: MemoryFs,
  chunks: readonly { ref: number; fromMs: number; count: number }[],
): Promise<void> {
  const out = new ByteWriter();
  out.u32(0x0130bc91);
  out.u32(0x01000000);
  for (const { ref, fromMs, count } of chunks) {
    const builder = new XorChunkBuilder();
    for (let i = 0; i < count; i++) builder.append(fromMs + i * 1000, 1, i);
    const start = out.length;
    out.i64(ref);
    out.i64(builder.minTimeMs);
    out.i64(builder.maxTimeMs);
    out.u8(CHUNK_XOR);
    out.uvarint(builder.sizeBytes);
    out.raw(builder.borrow());
    out.u32(crc32c(out.borrow(), start, out.length));
  }
  // Files are made longer than needed.
  out.raw(new Uint8Array(100));
  await fs.makeDir(`${DIR}/chunks_head`);
  const file = await fs.open(`${DIR}/chunks_head/000001`, 'create');
  await file.write(out.borrow());
  await file.close();
}
