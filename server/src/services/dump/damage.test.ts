// Dumps of stores in which something is damaged: what says success opens, and names what it lacks.
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
import { listTree, readSmallFile, sourceOf } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { LocalFileStore } from '../../filestore/local-file-store.ts';
import { salvageBlock, tsdbTasks } from '../../tsdb/index.ts';
import type { BadBlock, BlockMeta } from '../../tsdb/index.ts';
import { BlockCatalog } from '../blocksync/block-catalog.ts';
import { checkBlock } from '../blocksync/check-block.ts';
import { DumpService } from './dump-service.ts';

const BLOCKS = 'plugin-data/mattermost-plugin-metrics/data';
const JOB = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
const BLOCK_MS = 1000;
const SAMPLES_EACH = 100;
const FILES = ['chunks/000001', 'index', 'meta.json', 'tombstones'];
const SIZE_MAX = 1024 * 1024;
const signal = new AbortController().signal;

/** Where the three blocks are. */
type Place = 'local' | 'disk' | 'bucket';

/** Puts what would be in the archive into a folder of the disk once it is complete. */
function unpacker(fs: MemoryFs): ArchivePacker & { started: number } {
  const store = new LocalFileStore({ fs, root: 'unpacked', nowMs: () => 0 });
  const packer = {
    started: 0,
    async *pack(entries: Parameters<ArchivePacker['pack']>[0]) {
      packer.started++;
      await store.removeTree('data');
      for await (const entry of entries) await store.write(`data/${entry.path}`, entry.open());
      yield new Uint8Array(3);
    },
  };
  return packer;
}

async function setUp(place: Place, alsoLocal = false) {
  const fs = new MemoryFs();
  const database = new LocalFileStore({ fs, root: 'db', nowMs: () => 0 });
  const disk = new LocalFileStore({ fs, root: 'files', nowMs: () => 0 });
  const target: FileStore = place === 'bucket' ? new MemoryFileStore() : disk;
  const made = new LocalFileStore({ fs, root: 'made', nowMs: () => 0 });
  const local: BlockMeta[] = [];
  const bad: BadBlock[] = [];
  await fs.makeDir('made');
  for (let i = 0; i < 3; i++) {
    const meta = await makeBlock(
      fs,
      'made',
      testUlid(i),
      [i * BLOCK_MS, (i + 1) * BLOCK_MS],
      seriesOf(i),
    );
    for (const file of FILES) {
      const bytes = await readSmallFile(made, `${testUlid(i)}/${file}`, SIZE_MAX);
      if (place === 'local' || alsoLocal)
        await database.write(`${meta.ulid}/${file}`, sourceOf(bytes));
      if (place !== 'local') await target.write(`${BLOCKS}/${meta.ulid}/${file}`, sourceOf(bytes));
    }
    if (place === 'local' || alsoLocal) local.push(meta);
  }
  const packer = unpacker(fs);
  const dumps = new DumpService({
    database: () => ({
      store: database,
      blocks: () => local,
      badBlocks: () => bad,
      writeHeadBlock: async () => undefined,
    }),
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
    packer,
    tasks: inlineTasks(tsdbTasks(fs)),
    sizeLimitBytes: () => 0,
    clock: new FakeClock(),
    logger: silentLogger,
  });
  const store = place === 'local' ? database : target;
  const dirOf = (index: number): string =>
    place === 'local' ? testUlid(index) : `${BLOCKS}/${testUlid(index)}`;
  return {
    fs,
    store,
    target,
    database,
    local,
    bad,
    packer,
    dirOf,
    make: (minTimeMs = 0, maxTimeMs = 3 * BLOCK_MS) =>
      dumps.make({
        jobId: JOB,
        minTimeMs,
        maxTimeMs,
        format: 'tar.gz',
        signal,
        onProgress: () => undefined,
        ownsFiles: async () => true,
      }),
    /** Opens every block of the dump; how many samples of each of the three blocks are in it. */
    counts: async (): Promise<number[]> => {
      const unpacked = new LocalFileStore({ fs, root: 'unpacked', nowMs: () => 0 });
      const names = (await unpacked.list('data')).map(({ name }) => name);
      const blocks = names.filter((name) => name.length === 26);
      for (const name of blocks)
        await checkBlock({ store: unpacked, dir: `data/${name}` }, name, signal);
      const found = await readBlockSamples(
        fs,
        blocks.map((name) => `unpacked/data/${name}`),
      );
      const times = [...found.values()].flatMap((samples) => [...samples.keys()]);
      return [0, 1, 2].map((i) => times.filter((t) => Math.floor(t / BLOCK_MS) === i).length);
    },
    damage: (index: number, file: string, kind: Damage) =>
      damage(store, `${dirOf(index)}/${file}`, kind),
  };
}

function seriesOf(index: number) {
  const samples = Array.from({ length: SAMPLES_EACH / 4 }, (_, i): [number, number] => [
    index * BLOCK_MS + i * 40,
    i,
  ]);
  return ['a', 'b', 'c', 'd'].map((name) => ({ labels: { __name__: name }, samples }));
}

type Damage = 'start' | 'middle' | 'end' | 'cut' | 'empty' | 'grown' | 'missing';

async function damage(store: FileStore, path: string, kind: Damage): Promise<void> {
  if (kind === 'missing') return store.remove(path);
  const bytes = await readSmallFile(store, path, SIZE_MAX);
  const { length } = bytes;
  const changed = (at: number): Uint8Array => {
    const start = Math.max(0, Math.min(at, length - 16));
    for (let i = start; i < Math.min(length, start + 16); i++) bytes[i] ^= 0xff;
    return bytes;
  };
  const grown = new Uint8Array(length + 16);
  grown.set(bytes);
  const result = {
    start: () => changed(0),
    middle: () => changed(length >>> 1),
    end: () => changed(length),
    cut: () => bytes.subarray(0, length - 5),
    empty: () => new Uint8Array(0),
    grown: () => grown,
  }[kind]();
  await store.write(path, sourceOf(result));
}

const KINDS: readonly Damage[] = ['start', 'middle', 'end', 'cut', 'empty', 'grown', 'missing'];

for (const place of ['local', 'disk', 'bucket'] as const) {
  describe(`a dump with one damaged block, ${place === 'local' ? 'not yet in the store' : `in a store on a ${place}`}`, () => {
    for (const file of FILES) {
      for (const kind of KINDS) {
        // A block without tombstones is a whole one; without meta.json in the store, none yet.
        if (kind === 'missing' && file === 'tombstones') continue;
        if (kind === 'missing' && file === 'meta.json' && place !== 'local') continue;
        it(`opens and names it: ${file}, ${kind}`, async () => {
          for (const index of [0, 1, 2]) {
            const { make, counts, damage: harm } = await setUp(place);
            await harm(index, file, kind);
            const { leftOut, sampleCount } = await make();
            const found = await counts();
            assert.match(leftOut ?? '', new RegExp(testUlid(index)));
            for (const other of [0, 1, 2]) {
              if (other !== index) assert.equal(found[other], SAMPLES_EACH);
            }
            assert.equal(
              found.reduce((a, b) => a + b),
              sampleCount,
            );
            // Nothing but samples is where they are said to be, so these lose none.
            if (file === 'meta.json' || file === 'tombstones') {
              assert.equal(found[index], SAMPLES_EACH);
            }
          }
        });
      }
    }
  });
}

describe('a dump with damaged blocks', () => {
  it('says how much of one could be saved', async () => {
    const { make, damage: harm } = await setUp('disk');
    await harm(1, 'chunks/000001', 'middle');
    const { leftOut } = await make();
    assert.match(
      leftOut ?? '',
      /^Block \w+ is damaged \(.*checksum.*\); (25|50|75) of 100 samples/,
    );
  });

  it('takes in a local one whose meta.json was damaged before the start, and names it', async () => {
    for (const kind of ['empty', 'missing'] as const) {
      const { make, counts, local, bad, damage: harm } = await setUp('local');
      await harm(1, 'meta.json', kind);
      local.splice(1, 1);
      bad.push({ ulid: testUlid(1), error: new Error('no meta.json') });
      const { leftOut } = await make();
      assert.match(leftOut ?? '', new RegExp(`Block ${testUlid(1)} is damaged`));
      assert.deepEqual(await counts(), [100, 100, 100]);
      assert.equal((await make(2 * BLOCK_MS, 3 * BLOCK_MS - 1)).leftOut, undefined);
    }
    const { make, counts, bad } = await setUp('disk', true);
    bad.push({ ulid: testUlid(1), error: new Error('no meta.json') });
    assert.equal((await make()).leftOut, undefined, 'the store has it whole');
    assert.deepEqual(await counts(), [100, 100, 100]);
  });

  it('takes the other copy of a block, and lacks nothing', async () => {
    for (const which of ['database', 'target'] as const) {
      const setting = await setUp('bucket', true);
      const path = which === 'database' ? testUlid(1) : `${BLOCKS}/${testUlid(1)}`;
      await damage(setting[which], `${path}/index`, 'middle');
      const { leftOut } = await setting.make();
      assert.equal(leftOut, undefined);
      assert.deepEqual(await setting.counts(), [100, 100, 100]);
    }
  });

  it('takes what can be saved of the better of two damaged copies', async () => {
    const { make, counts, database, target } = await setUp('bucket', true);
    await damage(database, `${testUlid(1)}/index`, 'empty');
    await damage(target, `${BLOCKS}/${testUlid(1)}/chunks/000001`, 'middle');
    const { leftOut } = await make();
    const [, found] = await counts();
    assert.ok(found > 0 && found < 100);
    assert.match(leftOut ?? '', new RegExp(`${found} of 100 samples`));
  });

  it('takes the blocks that a damaged one was merged of, as long as they are there', async () => {
    const { fs, make, counts, store } = await setUp('disk');
    const merged = testUlid(9);
    const meta = await makeBlock(fs, 'made', merged, [0, 2 * BLOCK_MS], seriesOf(0));
    const sources = [testUlid(0), testUlid(1)];
    for (const file of FILES) {
      const bytes = await fs.readFile(`made/${merged}/${file}`);
      await store.write(`${BLOCKS}/${merged}/${file}`, sourceOf(bytes));
    }
    const text = JSON.stringify({ ...meta, compaction: { level: 2, sources } });
    await store.write(`${BLOCKS}/${merged}/meta.json`, sourceOf(new TextEncoder().encode(text)));
    await make();
    assert.deepEqual(await counts(), [100, 0, 100], 'the merged one counts while it is whole');
    await damage(store, `${BLOCKS}/${merged}/index`, 'end');
    const { leftOut } = await make();
    assert.equal(leftOut, undefined);
    assert.deepEqual(await counts(), [100, 100, 100]);
  });

  it('begins the archive once more, however many there are, and the next one not at all', async () => {
    const { make, counts, packer, damage: harm } = await setUp('disk');
    await harm(0, 'index', 'start');
    await harm(2, 'chunks/000001', 'cut');
    await make();
    assert.equal(packer.started, 2);
    const { leftOut } = await make();
    assert.equal(packer.started, 3);
    assert.ok(leftOut?.includes(testUlid(0)) && leftOut.includes(testUlid(2)));
    assert.equal((await counts())[1], 100);
  });

  it('takes a block again that was replaced by a whole one', async () => {
    const { fs, make, counts, store, damage: harm } = await setUp('disk');
    await harm(1, 'index', 'middle');
    assert.notEqual((await make()).leftOut, undefined);
    const bytes = await fs.readFile(`made/${testUlid(1)}/index`);
    await store.write(`${BLOCKS}/${testUlid(1)}/index`, sourceOf(bytes));
    assert.equal((await make()).leftOut, undefined);
    assert.deepEqual(await counts(), [100, 100, 100]);
  });

  it('cuts what was saved to the range', async () => {
    const { make, counts, damage: harm } = await setUp('disk');
    await harm(0, 'tombstones', 'start');
    await make(500, 1499);
    assert.deepEqual(await counts(), [48, 52, 0]);
  });

  it('says what is lost of one that was stored in place of a damaged one', async () => {
    const { fs, make, counts, store, dirOf, damage: harm } = await setUp('disk');
    await harm(1, 'chunks/000001', 'middle');
    const saved = testUlid(8);
    const [dir, parent] = [`files/${dirOf(1)}`, `files/${BLOCKS}`];
    const { meta } = await salvageBlock(fs, dir, testUlid(1), parent, saved, signal);
    await store.removeTree(dirOf(1));
    const { leftOut } = await make();
    const [, found] = await counts();
    assert.equal(found, meta?.stats.numSamples);
    assert.equal(
      leftOut,
      `Block ${saved} was made of a damaged one; ${100 - (found ?? 0)} samples are lost.`,
    );
  });

  it('does not name those of other times', async () => {
    const { make, damage: harm } = await setUp('disk');
    await harm(0, 'index', 'middle');
    await harm(2, 'meta.json', 'empty');
    assert.equal((await make(BLOCK_MS, 2 * BLOCK_MS - 1)).leftOut, undefined);
  });

  it('and nothing else is refused, with their names', async () => {
    const { make, target, damage: harm } = await setUp('disk');
    for (const index of [0, 1, 2]) await harm(index, 'index', 'empty');
    await assert.rejects(make(), (error: Error) => {
      return [0, 1, 2].every((index) => error.message.includes(testUlid(index)));
    });
    assert.deepEqual(await listTree(target, `plugin-data/mattermost-plugin-metrics/dump`), []);
  });

  it('goes without a block of which the disk does not give a file', async () => {
    for (const code of ['ERR_FS_IO', 'ERR_FS_DENIED']) {
      for (const [place, file] of [
        ['disk', 'index'],
        ['disk', 'chunks/000001'],
        ['local', 'index'],
      ] as const) {
        const { fs, make, counts, dirOf } = await setUp(place);
        const [open, readFile] = [fs.open.bind(fs), fs.readFile.bind(fs)];
        const refuse = (path: string): void => {
          if (!path.endsWith(`${dirOf(1)}/${file}`)) return;
          throw new CodedError(code, 'made to fail by the test');
        };
        fs.open = async (path, mode) => (refuse(path), open(path, mode));
        fs.readFile = async (path) => (refuse(path), readFile(path));
        const { leftOut } = await make();
        assert.match(leftOut ?? '', new RegExp(`${testUlid(1)} is damaged and left out`));
        assert.deepEqual(await counts(), [100, 0, 100]);
      }
    }
  });

  it('goes without a local block whose folder is gone', async () => {
    const { make, counts, database } = await setUp('local');
    await database.removeTree(testUlid(1));
    const { leftOut } = await make();
    assert.match(leftOut ?? '', new RegExp(`${testUlid(1)} is damaged and left out`));
    assert.deepEqual(await counts(), [100, 0, 100]);
  });

  for (const file of ['index', 'chunks/000001', 'meta.json']) {
    it(`notices ${file} being replaced while it streams`, async () => {
      const { fs, make, counts, target } = await setUp('bucket');
      assert.ok(target instanceof MemoryFileStore);
      const path = `${BLOCKS}/${testUlid(1)}/${file}`;
      const other = await fs.readFile(`made/${testUlid(2)}/${file}`);
      const before = await fs.readFile(`made/${testUlid(1)}/${file}`);
      let reads = 0;
      target.check = (verb, read) => {
        if (verb !== 'read' || read !== `${BLOCKS}/${testUlid(1)}/${file}`) return;
        // The catalog reads meta.json first.
        reads++;
        if (reads === (file === 'meta.json' ? 2 : 1)) target.put(path, other);
        else target.put(path, before);
      };
      const { leftOut } = await make();
      assert.equal(leftOut, undefined);
      assert.deepEqual(await counts(), [100, 100, 100]);
    });
  }
});
