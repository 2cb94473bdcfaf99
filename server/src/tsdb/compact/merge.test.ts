import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  makeBlock,
  type SeriesToWrite,
  testUlid,
  xorChunk,
} from '../../../test/support/make-block.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { readBlockSamples, type SampleTable } from '../../../test/support/tsdb-samples.ts';
import { hasCode } from '../../base/errors.ts';
import { BlockReader } from '../block/block-reader.ts';
import type { BlockMeta } from '../block/meta.ts';
import { encodeTombstones } from '../tombstones/tombstones.ts';
import { type MergeInput, runMergeTask } from './merge-task.ts';

const OUT = 'out';
const MERGED = testUlid(99);

const noSignal = new AbortController().signal;

function dirs(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `in/${testUlid(i)}`);
}

async function disk(
  blocks: readonly (readonly [number, number, SeriesToWrite[]])[],
): Promise<MemoryFs> {
  const fs = new MemoryFs();
  await fs.makeDir('in');
  await fs.makeDir(OUT);
  for (const [i, [minTime, maxTime, series]] of blocks.entries()) {
    await makeBlock(fs, 'in', testUlid(i), [minTime, maxTime], series);
  }
  return fs;
}

function merge(fs: MemoryFs, count: number, signal = noSignal): Promise<BlockMeta | undefined> {
  const input: MergeInput = { blockDirs: dirs(count), parentDir: OUT, ulid: MERGED };
  return runMergeTask(fs, input, signal);
}

async function chunksOf(fs: MemoryFs): Promise<[string, number, number][]> {
  const block = await BlockReader.open(fs, `${OUT}/${MERGED}`);
  const found: [string, number, number][] = [];
  for (const { labels, chunks } of block.series()) {
    const name = labels.map(({ value }) => value).join('/');
    for (const { minTimeMs, maxTimeMs } of chunks) found.push([name, minTimeMs, maxTimeMs]);
  }
  await block.close();
  return found;
}

function counting(fromMs: number, toMs: number, stepMs = 10, add = 0): [number, number][] {
  const samples: [number, number][] = [];
  for (let timeMs = fromMs; timeMs < toMs; timeMs += stepMs) samples.push([timeMs, timeMs + add]);
  return samples;
}

const adjacent = (): Promise<MemoryFs> =>
  disk([
    [
      0,
      1000,
      [
        { labels: { __name__: 'a' }, samples: counting(0, 1000) },
        { labels: { __name__: 'b', zone: 'größer 🎈' }, samples: counting(0, 500) },
      ],
    ],
    [
      1000,
      2000,
      [
        { labels: { __name__: 'a' }, samples: counting(1000, 2000) },
        { labels: { __name__: 'a', id: '1' }, samples: counting(1500, 1600) },
      ],
    ],
    [
      2000,
      3000,
      [
        { labels: { __name__: 'a' }, samples: counting(2000, 3000) },
        { labels: { __name__: 'b', zone: 'größer 🎈' }, samples: counting(2500, 3000) },
      ],
    ],
  ]);

/** Folders of unfinished blocks are removed when the database is opened. */
async function checkWholeOrNone(fs: MemoryFs, samples: SampleTable): Promise<void> {
  if ((await fs.stat(`${OUT}/${MERGED}`)) === undefined) return;
  assert.deepEqual(await readBlockSamples(fs, [`${OUT}/${MERGED}`]), samples);
}

describe('merging blocks', () => {
  it('joins adjacent blocks by copying their chunks', async () => {
    const fs = await adjacent();
    const before = await readBlockSamples(fs, dirs(3));
    const meta = await merge(fs, 3);
    assert.deepEqual(meta, {
      ulid: MERGED,
      minTime: 0,
      maxTime: 3000,
      stats: { numSamples: 410, numSeries: 3, numChunks: 6 },
      compaction: {
        level: 2,
        sources: [0, 1, 2].map(testUlid),
        parents: [0, 1, 2].map((i) => ({
          ulid: testUlid(i),
          minTime: i * 1000,
          maxTime: i * 1000 + 1000,
        })),
      },
      version: 1,
    });
    assert.deepEqual(await readBlockSamples(fs, [`${OUT}/${MERGED}`]), before);
    assert.deepEqual(await chunksOf(fs), [
      ['a', 0, 990],
      ['a', 1000, 1990],
      ['a', 2000, 2990],
      ['a/1', 1500, 1590],
      ['b/größer 🎈', 0, 490],
      ['b/größer 🎈', 2500, 2990],
    ]);
  });

  it('takes samples that overlap once, in chunks of 120', async () => {
    const fs = await disk([
      [0, 2000, [{ labels: { __name__: 'a' }, samples: counting(0, 2000) }]],
      [1000, 3000, [{ labels: { __name__: 'a' }, samples: counting(1000, 3000) }]],
    ]);
    const before = await readBlockSamples(fs, dirs(2));
    const meta = await merge(fs, 2);
    assert.equal(meta?.stats.numSamples, 300);
    assert.deepEqual(await readBlockSamples(fs, [`${OUT}/${MERGED}`]), before);
    assert.deepEqual(await chunksOf(fs), [
      ['a', 0, 1190],
      ['a', 1200, 2390],
      ['a', 2400, 2990],
    ]);
  });

  it('takes a chunk that comes twice once, whatever its encoding', async () => {
    const chunks = [
      { minTimeMs: 5, maxTimeMs: 900, encoding: 77, data: Uint8Array.of(0, 9, 1, 2) },
    ];
    const series = [{ labels: { __name__: 'unknown' }, chunks }];
    const fs = await disk([
      [0, 1000, series],
      [0, 1000, series],
    ]);
    const meta = await merge(fs, 2);
    assert.deepEqual(meta?.stats, { numSamples: 9, numSeries: 1, numChunks: 1 });
    const block = await BlockReader.open(fs, `${OUT}/${MERGED}`);
    const [copied] = [...block.series()];
    const { encoding, data } = await block.chunk(copied.chunks[0]);
    assert.deepEqual([encoding, [...data]], [77, [0, 9, 1, 2]]);
  });

  it('refuses to merge different chunks of an unknown encoding, and leaves nothing behind', async () => {
    const series = (byte: number): SeriesToWrite[] => [
      {
        labels: { __name__: 'h' },
        chunks: [{ minTimeMs: 5, maxTimeMs: 900, encoding: 77, data: Uint8Array.of(0, 9, byte) }],
      },
    ];
    const fs = await disk([
      [0, 1000, series(1)],
      [0, 1000, series(2)],
    ]);
    await assert.rejects(merge(fs, 2), (error) => hasCode(error, 'ERR_CHUNK_ENCODING'));
    assert.deepEqual(await fs.list(OUT), []);
  });

  it('leaves out what tombstones delete', async () => {
    const fs = await disk([
      [
        0,
        2000,
        [
          {
            labels: { __name__: 'cut' },
            chunks: [xorChunk(counting(0, 1000)), xorChunk(counting(1000, 2000))],
          },
          { labels: { __name__: 'gone' }, samples: counting(0, 2000) },
          { labels: { __name__: 'kept' }, samples: counting(0, 2000) },
        ],
      ],
    ]);
    const block = await BlockReader.open(fs, dirs(1)[0]);
    const [cut, gone] = block.index.allSeries();
    const file = await fs.open(`${dirs(1)[0]}/tombstones`, 'create');
    await file.write(
      encodeTombstones([
        { seriesRef: cut, minTimeMs: 500, maxTimeMs: 700 },
        { seriesRef: cut, minTimeMs: 1000, maxTimeMs: 1500 },
        { seriesRef: cut, minTimeMs: 1501, maxTimeMs: 5000 },
        { seriesRef: gone, minTimeMs: -100, maxTimeMs: 1000 },
        { seriesRef: gone, minTimeMs: 900, maxTimeMs: 1990 },
      ]),
    );
    await file.close();
    const meta = await merge(fs, 1);
    assert.deepEqual(meta?.stats, { numSamples: 279, numSeries: 2, numChunks: 2 });
    assert.deepEqual(await chunksOf(fs), [
      ['cut', 0, 990],
      ['kept', 0, 1990],
    ]);
  });

  it('makes no block when everything was deleted', async () => {
    const fs = await disk([[0, 1000, [{ labels: { __name__: 'a' }, samples: counting(0, 1000) }]]]);
    const block = await BlockReader.open(fs, dirs(1)[0]);
    const file = await fs.open(`${dirs(1)[0]}/tombstones`, 'create');
    const [seriesRef] = block.index.allSeries();
    await file.write(encodeTombstones([{ seriesRef, minTimeMs: 0, maxTimeMs: 1000 }]));
    await file.close();
    assert.equal(await merge(fs, 1), undefined);
    assert.deepEqual(await fs.list(OUT), []);
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const fs = await adjacent();
    const controller = new AbortController();
    const reason = new Error('enough');
    const merged = merge(fs, 3, controller.signal);
    setImmediate(() => controller.abort(reason));
    queueMicrotask(() => controller.abort(reason));
    await assert.rejects(merged, reason);
    assert.deepEqual(await fs.list(OUT), []);
  });

  it('makes the whole block or none, whichever call to the disk fails or is the last', async () => {
    const whole = await adjacent();
    const callsBefore = whole.calls;
    const before = await readBlockSamples(whole, dirs(3));
    await merge(whole, 3);
    const calls = whole.calls - callsBefore;
    assert.ok(calls > 10, `${calls} calls`);
    for (let call = 1; call <= calls; call++) {
      const failing = await adjacent();
      failing.fault = { atCall: failing.calls + call, kind: 'fail' };
      await assert.rejects(merge(failing, 3), `call ${call}`);
      await checkWholeOrNone(failing, before);

      const crashing = await adjacent();
      crashing.fault = { atCall: crashing.calls + call, kind: 'crash' };
      await assert.rejects(merge(crashing, 3), `call ${call}`);
      const after = call % 2 === 0 ? 'kill' : 'power cut';
      await checkWholeOrNone(crashing.survivor(after), before);
    }
  });

  it('answers damage with a coded error', async () => {
    const fs = await adjacent();
    const path = `${dirs(3)[1]}/index`;
    const bytes = await fs.readFile(path);
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = bytes.slice();
      damaged[at] ^= 0x41;
      const file = await fs.open(path, 'create');
      await file.write(damaged);
      await file.close();
      const error: unknown = await merge(fs, 3).catch((e: unknown) => e);
      if (error instanceof Error)
        assert.match(String(Reflect.get(error, 'code')), /^ERR_(?!INTERNAL)/);
      await fs.removeTree(`${OUT}/${MERGED}`);
      assert.deepEqual(await fs.list(OUT), []);
    }
  });
});
