// Dumps of real blocks whose ends lie outside of the range.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { makeBlock, testUlid } from '../../../test/support/make-block.ts';
import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { readBlockSamples } from '../../../test/support/tsdb-samples.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { ArchivePacker } from '../../base/ports/archive.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { sourceOf } from '../../filestore/file-store.ts';
import { LocalFileStore } from '../../filestore/local-file-store.ts';
import { tsdbTasks } from '../../tsdb/index.ts';
import { BlockCatalog } from '../blocksync/block-catalog.ts';
import { DumpService } from './dump-service.ts';

const BLOCKS = 'plugin-data/mattermost-plugin-metrics/data';
const JOB = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
const A = testUlid(1);
const B = testUlid(2);

function samples(from: number, to: number): [number, number][] {
  const list: [number, number][] = [];
  for (let t = from; t < to; t += 10) list.push([t, t / 10]);
  return list;
}

/** Puts what would be in the archive into a folder of the disk. */
function unpacker(fs: MemoryFs): ArchivePacker {
  const store = new LocalFileStore({ fs, root: 'unpacked', nowMs: () => 0 });
  return {
    async *pack(entries) {
      for await (const entry of entries) await store.write(entry.path, entry.open());
      yield new Uint8Array(3);
    },
  };
}

/** Two blocks of 1,000 ms each, in a store on the disk or in a bucket. */
async function setUp(where: 'disk' | 'bucket') {
  const fs = new MemoryFs();
  const database = new LocalFileStore({ fs, root: 'db', nowMs: () => 0 });
  const disk = new LocalFileStore({ fs, root: 'files', nowMs: () => 0 });
  const target: FileStore = where === 'disk' ? disk : new MemoryFileStore();
  for (const [ulid, from] of [
    [A, 0],
    [B, 1000],
  ] as const) {
    await fs.makeDir('made');
    await makeBlock(
      fs,
      'made',
      ulid,
      [from, from + 1000],
      [
        { labels: { __name__: 'x' }, samples: samples(from, from + 1000) },
        { labels: { __name__: 'early' }, samples: samples(from, from + 100) },
      ],
    );
    const made = new LocalFileStore({ fs, root: 'made', nowMs: () => 0 });
    for (const file of ['meta.json', 'index', 'tombstones', 'chunks/000001']) {
      await target.write(`${BLOCKS}/${ulid}/${file}`, made.read(`${ulid}/${file}`));
    }
  }
  const dumps = new DumpService({
    database: () => ({ store: database, blocks: () => [], writeHeadBlock: async () => undefined }),
    fileStore: () => target,
    askScraper: async () => undefined,
    missingSamples: async () => [],
    identity: async () => ({
      serverVersion: '11.8.0',
      serverId: 's',
      licenseId: '',
      customerId: '',
      pluginId: 'p',
      pluginVersion: '0.8.0',
    }),
    catalog: new BlockCatalog(),
    packer: unpacker(fs),
    tasks: inlineTasks(tsdbTasks(fs)),
    sizeLimitBytes: () => 0,
    clock: new FakeClock(),
    logger: silentLogger,
  });
  return {
    fs,
    target,
    make: (minTimeMs: number, maxTimeMs: number) =>
      dumps.make({
        jobId: JOB,
        minTimeMs,
        maxTimeMs,
        format: 'tar.gz',
        signal: new AbortController().signal,
        onProgress: () => undefined,
        ownsFiles: async () => true,
      }),
    blocks: async () =>
      (await fs.list('unpacked')).map(({ name }) => name).filter((name) => name.length === 26),
  };
}

async function timesOf(fs: MemoryFs, blocks: readonly string[]): Promise<Map<string, number[]>> {
  const found = await readBlockSamples(
    fs,
    blocks.map((name) => `unpacked/${name}`),
  );
  return new Map([...found].map(([key, list]) => [key, [...list.keys()].sort((a, b) => a - b)]));
}

for (const where of ['disk', 'bucket'] as const) {
  describe(`a dump that ends within blocks, with the store on a ${where}`, () => {
    it('holds the samples of the range, both ends included, and no others', async () => {
      const { fs, make, blocks } = await setUp(where);
      const result = await make(500, 1490);
      const times = await timesOf(fs, await blocks());
      const x = [...times].find(([key]) => key.includes('x'))?.[1];
      assert.deepEqual(
        x,
        samples(500, 1500).map(([timeMs]) => timeMs),
      );
      const early = [...times].find(([key]) => key.includes('early'))?.[1];
      assert.deepEqual(
        early,
        samples(1000, 1100).map(([timeMs]) => timeMs),
      );
      assert.deepEqual([result.minTimeMs, result.maxTimeMs], [500, 1490]);
      assert.deepEqual([result.sampleCount, result.seriesMax], [110, 2]);
      assert.deepEqual(await fs.list('db/dump-work'), []);
    });

    it('takes a block as it is when all of it is wanted', async () => {
      const { make, blocks } = await setUp(where);
      await make(0, 1490);
      const names = await blocks();
      assert.ok(names.includes(A));
      assert.ok(!names.includes(B));
    });

    it('of a range between two samples is empty, and says so', async () => {
      const { make } = await setUp(where);
      await assert.rejects(make(501, 509), { code: 'ERR_DUMP_EMPTY' });
    });

    it('holds a block whole that cannot be cut', async () => {
      const { fs, target, make, blocks } = await setUp(where);
      await makeBlock(
        fs,
        'made',
        testUlid(3),
        [1900, 3000],
        [
          {
            labels: { __name__: 'h' },
            chunks: [
              { minTimeMs: 1900, maxTimeMs: 2900, encoding: 2, data: Uint8Array.of(0, 9, 1) },
            ],
          },
        ],
      );
      for (const file of ['meta.json', 'index', 'tombstones', 'chunks/000001']) {
        const bytes = await fs.readFile(`made/${testUlid(3)}/${file}`);
        await target.write(`${BLOCKS}/${testUlid(3)}/${file}`, sourceOf(bytes));
      }
      await make(2000, 2500);
      assert.deepEqual(await blocks(), [testUlid(3)]);
      assert.deepEqual(await fs.list('db/dump-work'), []);
    });

    it('holds a block whole when the local disk is full', async () => {
      const { fs, make, blocks } = await setUp(where);
      const { open } = fs;
      fs.open = async (path, mode) => {
        if (mode !== 'read' && path.startsWith('db/')) {
          throw new CodedError('ERR_FS_FULL', 'the disk is full', { path });
        }
        return open.call(fs, path, mode);
      };
      await make(500, 1490);
      assert.deepEqual((await blocks()).sort(), [A, B]);
    });

    it('leaves nothing behind whichever call to the disk fails', async () => {
      const whole = await setUp(where);
      const before = whole.fs.calls;
      await whole.make(500, 1490);
      const calls = whole.fs.calls - before;
      for (let call = 1; call <= calls; call++) {
        const { fs, target, make } = await setUp(where);
        fs.fault = { atCall: fs.calls + call, kind: 'fail' };
        const outcome = await make(500, 1490).catch((error: unknown) => error);
        const isMade = !(outcome instanceof Error);
        const dump = await target.list(`plugin-data/mattermost-plugin-metrics/dump/${JOB}`);
        assert.ok(isMade || dump.length === 0, `call ${call}: ${String(outcome)}`);
        assert.deepEqual(fs.openFiles(), [], `call ${call}: files left open`);
      }
    });
  });
}
