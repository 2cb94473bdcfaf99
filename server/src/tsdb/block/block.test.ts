import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { CodedError } from '../../base/errors.ts';
import { CHUNK_HISTOGRAM, CHUNK_XOR } from '../chunkenc/encodings.ts';
import { XorChunkBuilder } from '../chunkenc/xor-chunk.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { decodeTombstones, encodeTombstones } from '../tombstones/tombstones.ts';
import { BlockReader, verifyBlock } from './block-reader.ts';
import { type BlockPlan, type BlockSource, writeBlock } from './block-writer.ts';
import { formatBlockMeta, parseBlockMeta, readBlockMeta } from './meta.ts';

const ULID = '01M82H1M1AKNSAH96G4139ASBH';
const PLAN: BlockPlan = {
  ulid: ULID,
  minTimeMs: 0,
  maxTimeMs: 7_200_000,
  compaction: { level: 1, sources: [ULID] },
};

function xorChunk(startMs: number, count: number): ChunkInput {
  const builder = new XorChunkBuilder();
  for (let i = 0; i < count; i++) builder.append(startMs + i * 1000, i, 0);
  const { minTimeMs, maxTimeMs } = builder;
  return { minTimeMs, maxTimeMs, encoding: CHUNK_XOR, data: builder.borrow().slice() };
}

/** Three series: one with two chunks, one with a histogram, one without any. */
function source(): BlockSource {
  const symbols = ['', 'a', 'b', 'job', 'x'];
  const histogram = { ...xorChunk(5, 3), encoding: CHUNK_HISTOGRAM };
  const series = [
    { labelRefs: [3, 1], chunks: [xorChunk(-50, 10), xorChunk(100_000, 20)] },
    { labelRefs: [3, 1, 4, 2], chunks: [histogram] },
    { labelRefs: [3, 2], chunks: [] },
  ];
  let at = -1;
  return {
    symbols,
    next: () => ++at < series.length,
    get labelRefs() {
      return series[at].labelRefs;
    },
    get chunks() {
      return series[at].chunks;
    },
  };
}

async function newBlock(plan: BlockPlan = PLAN): Promise<MemoryFs> {
  const fs = new MemoryFs();
  await writeBlock(fs, 'blocks', plan, source());
  return fs;
}

const DIR = `blocks/${ULID}`;

async function patch(
  fs: MemoryFs,
  file: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array,
): Promise<void> {
  const bytes = change(await fs.readFile(`${DIR}/${file}`));
  const opened = await fs.open(`${DIR}/${file}`, 'create');
  await opened.write(bytes);
  await opened.close();
}

describe('a block', () => {
  it('is read as it was written', async () => {
    const fs = await newBlock();
    const block = await BlockReader.open(fs, DIR);
    const series = [...block.series()];
    assert.deepEqual(
      series.map(({ labels }) => labels.map(({ name, value }) => `${name}=${value}`).join()),
      ['job=a', 'job=a,x=b'],
    );
    assert.deepEqual(
      series[0].chunks.map(({ minTimeMs, maxTimeMs }) => [minTimeMs, maxTimeMs]),
      [
        [-50, 8950],
        [100_000, 119_000],
      ],
    );
    const { encoding, data } = await block.chunk(series[1].chunks[0]);
    assert.equal(encoding, CHUNK_HISTOGRAM, 'an encoding that nobody here decodes is passed on');
    assert.deepEqual(data, xorChunk(5, 3).data);
    assert.deepEqual(block.index.labelValues('job'), ['a']);
    assert.equal(block.index.postings('job', 'a').length, 2);
    assert.equal(block.index.postings('job', 'none').length, 0);
    assert.deepEqual(block.meta.stats, { numSamples: 33, numSeries: 2, numChunks: 3 });
    assert.deepEqual(block.tombstones, []);
    await block.close();
    await verifyBlock(fs, DIR);
  });

  it('begins a new segment when one is full', async () => {
    const fs = await newBlock({ ...PLAN, segmentBytesMax: 60 });
    const names = (await fs.list(`${DIR}/chunks`)).map(({ name }) => name);
    assert.ok(names.length > 1);
    await verifyBlock(fs, DIR);
  });

  it('without samples is not made', async () => {
    const fs = new MemoryFs();
    await fs.makeDir('blocks');
    const empty = { symbols: [''], next: () => false, labelRefs: [], chunks: [] };
    assert.equal(await writeBlock(fs, 'blocks', PLAN, empty), undefined);
    assert.deepEqual(await fs.list('blocks'), []);
  });

  it('is not there when a call to the disk failed, nor is a part of it', async () => {
    const whole = new MemoryFs();
    await writeBlock(whole, 'blocks', PLAN, source());
    for (let atCall = 1; atCall <= whole.calls; atCall++) {
      const fs = new MemoryFs();
      fs.fault = { atCall, kind: 'fail' };
      await assert.rejects(writeBlock(fs, 'blocks', PLAN, source()), CodedError, `call ${atCall}`);
      const left = (await fs.stat('blocks')) === undefined ? [] : await fs.list('blocks');
      // Only the sync behind the rename may fail with the whole block in place.
      if (left.length > 0) await verifyBlock(fs, DIR);
    }
  });

  const CASES: readonly [
    title: string,
    file: string,
    change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array,
    code: string,
  ][] = [
    ['an empty index', 'index', () => new Uint8Array(0), 'ERR_INDEX'],
    ['a wrong magic in the index', 'index', (b) => b.with(0, 1), 'ERR_INDEX'],
    ['a wrong version of the index', 'index', (b) => b.with(4, 1), 'ERR_INDEX'],
    ['an index cut short', 'index', (b) => b.subarray(0, -1), 'ERR_CRC'],
    ['a flipped bit in the symbols', 'index', (b) => b.with(15, b[15] ^ 1), 'ERR_CRC'],
    ['a flipped bit in a series', 'index', (b) => b.with(50, b[50] ^ 1), 'ERR_CRC'],
    ['a flipped bit in the toc', 'index', (b) => b.with(-20, b[b.length - 20] ^ 1), 'ERR_CRC'],
    ['a wrong magic in a segment', 'chunks/000001', (b) => b.with(0, 1), 'ERR_CHUNK_FILE'],
    ['a flipped bit in a chunk', 'chunks/000001', (b) => b.with(14, b[14] ^ 1), 'ERR_CRC'],
    ['a segment cut short', 'chunks/000001', (b) => b.subarray(0, -1), 'ERR_CHUNK_FILE'],
    ['a wrong magic in tombstones', 'tombstones', (b) => b.with(0, 9), 'ERR_TOMBSTONES'],
    ['short tombstones', 'tombstones', (b) => b.subarray(0, 8), 'ERR_TOMBSTONES'],
    ['a wrong checksum of tombstones', 'tombstones', (b) => b.with(8, 9), 'ERR_CRC'],
    ['a meta.json that is no JSON', 'meta.json', () => Uint8Array.of(123), 'ERR_BLOCK_META'],
    [
      'a meta.json that promises more',
      'meta.json',
      (b) => Buffer.from(Buffer.from(b).toString().replace('"numSamples": 33', '"numSamples": 34')),
      'ERR_BLOCK_STATS',
    ],
  ];
  for (const [title, file, change, code] of CASES) {
    it(`with ${title} gives ${code}`, async () => {
      const fs = await newBlock();
      await patch(fs, file, change);
      await assert.rejects(
        verifyBlock(fs, DIR),
        (error) => error instanceof CodedError && error.code === code,
      );
    });
  }

  it('with any byte changed gives an error with a code or the same contents', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    const good = await newBlock();
    for (let run = 0; run < 400; run++) {
      const fs = good.survivor('kill');
      const file = random.pick(['index', 'chunks/000001', 'tombstones', 'meta.json']);
      await patch(fs, file, (bytes) =>
        random.below(3) === 0
          ? bytes.subarray(0, random.below(bytes.length))
          : bytes.with(random.below(bytes.length), random.below(256)),
      );
      await verifyBlock(fs, DIR).catch((error: unknown) => {
        assert.ok(error instanceof CodedError, `SEED=${random.seed} run ${run}: ${String(error)}`);
        assert.notEqual(error.code, 'ERR_INTERNAL', `SEED=${random.seed} run ${run}`);
      });
    }
  });
});

describe('meta.json', () => {
  it('is written as Prometheus writes it', () => {
    const text = formatBlockMeta({
      ulid: ULID,
      minTime: 1,
      maxTime: 2,
      stats: { numSamples: 3, numSeries: 2, numChunks: 1 },
      compaction: {
        level: 2,
        sources: [ULID],
        parents: [{ ulid: ULID, minTime: 1, maxTime: 2 }],
      },
      version: 1,
    });
    assert.equal(
      text,
      `{
	"ulid": "${ULID}",
	"minTime": 1,
	"maxTime": 2,
	"stats": {
		"numSamples": 3,
		"numSeries": 2,
		"numChunks": 1
	},
	"compaction": {
		"level": 2,
		"sources": [
			"${ULID}"
		],
		"parents": [
			{
				"ulid": "${ULID}",
				"minTime": 1,
				"maxTime": 2
			}
		]
	},
	"version": 1
}`,
    );
    assert.equal(formatBlockMeta(parseBlockMeta(text, 'meta.json')), text);
  });

  for (const [title, text, message] of [
    ['a list', '[]', /not an object/],
    ['another version', '{"version": 2}', /unknown version/],
    ['a name that is no ULID', '{"version": 1, "ulid": "../x"}', /not a ULID/],
    ['a time that is a text', `{"version":1,"ulid":"${ULID}","minTime":"1"}`, /not an integer/],
    [
      'times the wrong way round',
      `{"version":1,"ulid":"${ULID}","minTime":2,"maxTime":1}`,
      /before/,
    ],
    ['no compaction', `{"version":1,"ulid":"${ULID}","minTime":1,"maxTime":2}`, /not an object/],
  ] as const) {
    it(`is refused with ${title}`, () => {
      assert.throws(() => parseBlockMeta(text, 'meta.json'), message);
    });
  }

  it('that is missing is named', async () => {
    await assert.rejects(readBlockMeta(new MemoryFs(), 'none'), /cannot read none\/meta.json/);
  });
});

describe('tombstones', () => {
  it('come back', () => {
    const stones = [
      { seriesRef: 1, minTimeMs: -5, maxTimeMs: 7 },
      { seriesRef: 300, minTimeMs: 1795334400000, maxTimeMs: 1795334400001 },
    ];
    assert.deepEqual(decodeTombstones(encodeTombstones(stones), 'tombstones'), stones);
  });
});
