import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { makeBlock } from '../../../test/support/make-block.ts';
import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { silentLogger } from '../../base/log.ts';
import { readSmallFile } from '../../filestore/file-store.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import { BlockCatalog } from './block-catalog.ts';
import { BlockSync } from './block-sync.ts';
import { withoutCovered } from './covered.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const RETENTION_MS = 15 * DAY_MS;
const ROOT = 'plugin-data/mattermost-plugin-metrics/data';

function ulid(letter: string): string {
  return `01${letter.repeat(24)}`;
}

function meta(letter: string, minTime: number, maxTime: number, sources?: string[]): BlockMeta {
  return {
    ulid: ulid(letter),
    minTime,
    maxTime,
    stats: { numSamples: 1, numSeries: 1, numChunks: 1 },
    compaction: {
      level: sources === undefined ? 1 : 2,
      sources: sources?.map(ulid) ?? [ulid(letter)],
    },
    version: 1,
  };
}

/** A block of one sample, at its first millisecond. */
async function putBlock(store: MemoryFileStore, dir: string, block: BlockMeta): Promise<void> {
  const fs = new MemoryFs();
  await fs.makeDir('made');
  const { ulid: name, minTime, maxTime } = block;
  const samples = [[minTime, 1]] as const;
  await makeBlock(fs, 'made', name, [minTime, maxTime], [{ labels: { a: 'b' }, samples }]);
  for (const file of ['chunks/000001', 'index', 'tombstones']) {
    store.put(`${dir}${file}`, await fs.readFile(`made/${name}/${file}`));
  }
  store.put(`${dir}meta.json`, JSON.stringify(block));
}

async function setUp(...blocks: BlockMeta[]) {
  const clock = new FakeClock();
  const local = new MemoryFileStore();
  const remote = new MemoryFileStore();
  remote.nowMs = clock.nowMs();
  for (const block of blocks) await putBlock(local, `${block.ulid}/`, block);
  const catalog = new BlockCatalog();
  const sync = new BlockSync({
    catalog,
    tasks: inlineTasks([]),
    clock,
    logger: silentLogger,
  });
  const signal = new AbortController().signal;
  return {
    clock,
    local,
    remote,
    catalog,
    upload: () => sync.upload({ blocks: () => blocks, store: local }, remote, RETENTION_MS, signal),
    cleanUp: () =>
      sync.cleanUp({ blocks: () => blocks, store: local }, remote, RETENTION_MS, signal),
  };
}

function blockFiles(store: MemoryFileStore, block: BlockMeta): string[] {
  const prefix = `${ROOT}/${block.ulid}/`;
  return [...store.files.keys()].filter((path) => path.startsWith(prefix)).sort();
}

describe('an upload', () => {
  const now = new FakeClock().nowMs();
  const a = meta('A', now - 4, now - 3);
  const b = meta('B', now - 3, now - 2);

  it('copies what the store lacks, each block with meta.json last', async () => {
    const { remote, upload } = await setUp(a, b);
    await putBlock(remote, `${ROOT}/${a.ulid}/`, a);
    assert.equal(await upload(), 1);
    assert.equal(blockFiles(remote, b).length, 4);
    const writes = remote.log.filter((line) => line.startsWith('write '));
    assert.equal(writes.at(-1), `write ${ROOT}/${b.ulid}/meta.json`);
    assert.equal(writes.length, 4);
    assert.equal(await upload(), 0);
    remote.log.length = 0;
    assert.equal(await upload(), 0);
    assert.deepEqual(remote.log, [`list ${ROOT}`], 'a meta.json was read again');
  });

  it('completes a half-uploaded block without sending again what is whole', async () => {
    const { local, remote, upload } = await setUp(a);
    const chunks = await readSmallFile(local, `${a.ulid}/chunks/000001`, 1000);
    remote.put(`${ROOT}/${a.ulid}/chunks/000001`, chunks);
    remote.put(`${ROOT}/${a.ulid}/index`, 'half');
    await upload();
    assert.equal(remote.text(`${ROOT}/${a.ulid}/index`), local.text(`${a.ulid}/index`));
    assert.ok(!remote.log.includes(`write ${ROOT}/${a.ulid}/chunks/000001`));
  });

  it('replaces a meta.json that is none', async () => {
    const { remote, upload } = await setUp(a);
    remote.put(`${ROOT}/${a.ulid}/meta.json`, 'garbage');
    await upload();
    assert.equal(remote.text(`${ROOT}/${a.ulid}/meta.json`), JSON.stringify(a));
  });

  it('goes on with the next block when one fails, and says so', async () => {
    const { remote, upload } = await setUp(a, b);
    remote.check = (verb, path) => {
      if (verb === 'write' && path.includes(a.ulid)) throw new Error('refused');
    };
    await assert.rejects(upload(), {
      code: 'ERR_BLOCKSYNC',
      message: '1 of 2 blocks could not be stored in the file store',
    });
    assert.equal(blockFiles(remote, b).length, 4);
    remote.check = () => {};
    assert.equal(await upload(), 1);
    assert.equal(blockFiles(remote, a).length, 4);
  });

  it('leaves no meta.json behind when a file arrived with another size', async () => {
    const { remote, upload } = await setUp(a);
    const write = remote.write.bind(remote);
    remote.write = async (path, source) => {
      const sizeBytes = await write(path, source);
      if (path.endsWith('index')) remote.put(path, 'cut');
      return sizeBytes;
    };
    await assert.rejects(upload(), { code: 'ERR_BLOCKSYNC' });
    assert.equal(remote.text(`${ROOT}/${a.ulid}/meta.json`), undefined);
  });

  it('sends nothing that a merged block of the store holds, or that is past the retention', async () => {
    const old = meta('C', now - RETENTION_MS - 10, now - RETENTION_MS);
    const { remote, upload } = await setUp(a, b, old);
    const merged = meta('D', now - 4, now - 2, ['A', 'B']);
    await putBlock(remote, `${ROOT}/${merged.ulid}/`, merged);
    assert.equal(await upload(), 0);
  });

  it('leaves a block alone whose meta.json could not be read just now', async () => {
    const { remote, upload } = await setUp(a);
    await putBlock(remote, `${ROOT}/${a.ulid}/`, a);
    remote.check = (verb) => {
      if (verb === 'read') throw new Error('store is slow');
    };
    assert.equal(await upload(), 0);
  });
});

describe('a clean-up', () => {
  const now = new FakeClock().nowMs();

  it('removes blocks past the retention, and only those', async () => {
    const { remote, cleanUp } = await setUp();
    const old = meta('A', now - RETENTION_MS - 10, now - RETENTION_MS);
    const young = meta('B', now - RETENTION_MS - 10, now - RETENTION_MS + 1);
    await putBlock(remote, `${ROOT}/${old.ulid}/`, old);
    await putBlock(remote, `${ROOT}/${young.ulid}/`, young);
    remote.put(`${ROOT}/notes.txt`, 'not ours');
    await cleanUp();
    assert.deepEqual(blockFiles(remote, old), []);
    assert.equal(blockFiles(remote, young).length, 4);
    assert.equal(remote.text(`${ROOT}/notes.txt`), 'not ours');
  });

  it('removes remains of uploads after a day, unless their block is still here', async () => {
    const ours = meta('A', now - 4, now - 3);
    const { remote, cleanUp } = await setUp(ours);
    const put = (letter: string, ageMs: number): string => {
      const path = `${ROOT}/${ulid(letter)}/index`;
      remote.put(path, 'x', now - ageMs);
      return path;
    };
    const kept = [put('A', 2 * DAY_MS), put('B', DAY_MS - 1)];
    const removed = put('C', DAY_MS + 1);
    const unreadable = put('D', 2 * DAY_MS);
    remote.put(`${ROOT}/${ulid('D')}/meta.json`, 'x', now - 2 * DAY_MS);
    remote.check = (verb, path) => {
      if (verb === 'read' && path.includes(ulid('D'))) throw new Error('store is slow');
    };
    await cleanUp();
    for (const path of [...kept, unreadable]) assert.ok(remote.files.has(path), path);
    assert.ok(!remote.files.has(removed));
  });
});

describe('merged blocks', () => {
  it('cover the blocks that they were made of', () => {
    const a = meta('A', 0, 2);
    const b = meta('B', 2, 4);
    const c = meta('C', 4, 6);
    const ab = meta('D', 0, 4, ['A', 'B']);
    const abc = meta('E', 0, 6, ['A', 'B', 'C']);
    const again = meta('F', 0, 4, ['A', 'B']);
    const names = (blocks: BlockMeta[]) => withoutCovered(blocks).map((block) => block.ulid[2]);
    assert.deepEqual(names([a, b, c]), ['A', 'B', 'C']);
    assert.deepEqual(names([a, b, c, ab]), ['C', 'D']);
    assert.deepEqual(names([a, b, c, ab, abc]), ['E']);
    assert.deepEqual(names([ab, again]), ['F']);
  });

  it('cover none of which they hold a part only', () => {
    const a = meta('A', 0, 4);
    const parts = [meta('B', 0, 2, ['A']), meta('C', 1, 4, ['A'])];
    assert.equal(withoutCovered([a, ...parts]).length, 3);
  });
});
