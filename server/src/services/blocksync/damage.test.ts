// Local blocks that are damaged when it is their turn to be stored.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { makeBlock, testUlid } from '../../../test/support/make-block.ts';
import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { silentLogger } from '../../base/log.ts';
import { readSmallFile, sourceOf } from '../../filestore/file-store.ts';
import { ulidTimeMs } from '../../model/ulid.ts';
import { blockDirOf } from '../../filestore/layout.ts';
import { LocalFileStore } from '../../filestore/local-file-store.ts';
import { tsdbTasks } from '../../tsdb/index.ts';
import type { BadBlock, BlockMeta } from '../../tsdb/index.ts';
import { BlockCatalog } from './block-catalog.ts';
import { BlockSync } from './block-sync.ts';
import { checkBlock } from './check-block.ts';

const A = testUlid(1);
const B = testUlid(2);
const FILES = ['chunks/000001', 'index', 'meta.json', 'tombstones'];
const signal = new AbortController().signal;

async function setUp() {
  const fs = new MemoryFs();
  const clock = new FakeClock();
  const local = new LocalFileStore({ fs, root: 'db', nowMs: () => 0 });
  const remote = new MemoryFileStore();
  const blocks: BlockMeta[] = [];
  const bad: BadBlock[] = [];
  await fs.makeDir('db');
  const endMs = clock.nowMs();
  for (const [ulid, minTimeMs] of [
    [A, endMs - 2000],
    [B, endMs - 1000],
  ] as const) {
    const series = ['a', 'b', 'c', 'd'].map((name) => ({
      labels: { __name__: name },
      samples: [0, 1, 2].map((i) => [minTimeMs + i, i] as const),
    }));
    blocks.push(await makeBlock(fs, 'db', ulid, [minTimeMs, minTimeMs + 1000], series));
  }
  let catalog = new BlockCatalog();
  const tasks = inlineTasks(tsdbTasks(fs));
  const sync = new BlockSync({ catalog, tasks, clock, logger: silentLogger });
  return {
    fs,
    local,
    remote,
    sync,
    clock,
    blocks,
    bad,
    restart: () => {
      catalog = new BlockCatalog();
      return new BlockSync({ catalog, tasks, clock, logger: silentLogger });
    },
    upload: (by = sync, retentionMs = 1e9) =>
      by.upload(
        { blocks: () => blocks, badBlocks: () => bad, store: local },
        remote,
        retentionMs,
        signal,
      ),
    /** Of every block that the store calls whole, after a look at all of its bytes. */
    stored: async (): Promise<BlockMeta[]> => {
      const { whole, broken } = await catalog.list(remote);
      assert.deepEqual(broken, [], 'remains of an upload');
      for (const { ulid } of whole) {
        await checkBlock({ store: remote, dir: blockDirOf(ulid) }, ulid, signal);
      }
      return [...whole];
    },
    damage: async (path: string, at: number): Promise<void> => {
      const bytes = await readSmallFile(local, path, 1_000_000);
      for (let i = at; i < Math.min(at + 16, bytes.length); i++) bytes[i] ^= 0xff;
      await local.write(path, sourceOf(bytes));
    },
  };
}

describe('an upload of a damaged block', () => {
  for (const file of FILES) {
    it(`stores the others, and what can be read of it: ${file}`, async () => {
      const { fs, sync, upload, stored, damage, remote } = await setUp();
      await damage(`${A}/${file}`, file === 'chunks/000001' ? 40 : 2);
      await upload();
      const found = await stored();
      assert.ok(found.some(({ ulid }) => ulid === B));
      assert.ok(!found.some(({ ulid }) => ulid === A), 'it is called whole');
      const [named] = sync.damaged;
      assert.equal(named.ulid, A);
      const saved = found.find(({ ulid }) => ulid !== B);
      assert.equal(named.savedCount, saved?.stats.numSamples ?? 0);
      if (saved !== undefined) assert.deepEqual(saved.compaction.sources, [A]);
      if (file === 'meta.json' || file === 'tombstones') assert.equal(named.savedCount, 12);
      // It is done: nothing is sent again, and nothing is left on the disk.
      remote.log.length = 0;
      await upload();
      assert.deepEqual(
        remote.log.filter((line) => line.startsWith('write')),
        [],
      );
      assert.equal(await fs.stat('db/sync-work'), undefined);
    });
  }

  it('of which nothing can be read is named, and not tried again and again', async () => {
    const { local, sync, upload, stored, remote } = await setUp();
    await local.write(`${A}/index`, sourceOf(new Uint8Array(0)));
    await upload();
    assert.deepEqual(
      (await stored()).map(({ ulid }) => ulid),
      [B],
    );
    assert.deepEqual(
      sync.damaged.map(({ ulid, savedCount }) => [ulid, savedCount]),
      [[A, 0]],
    );
    remote.log.length = 0;
    await upload();
    assert.ok(!remote.log.some((line) => line.startsWith('write')));
  });

  for (const [what, spoil] of [
    ['empty', (local: LocalFileStore) => local.write(`${A}/meta.json`, sourceOf(new Uint8Array()))],
    ['missing', (local: LocalFileStore) => local.remove(`${A}/meta.json`)],
    [
      'that of another',
      (local: LocalFileStore) => local.write(`${A}/meta.json`, local.read(`${B}/meta.json`)),
    ],
  ] as const) {
    it(`whose meta.json was ${what} at the start stores all of it, once`, async () => {
      const { local, sync, clock, blocks, bad, upload, stored, restart } = await setUp();
      await spoil(local);
      blocks.shift();
      // Of a folder that was copied, the name is ours and the contents are another's.
      bad.push({ ulid: A, error: new Error('no meta.json') });
      const retentionMs = 2 * (clock.nowMs() - ulidTimeMs(A));
      await upload(sync, retentionMs);
      const [saved] = (await stored()).filter(({ ulid }) => ulid !== B);
      assert.equal(saved?.stats.numSamples, 12);
      assert.deepEqual(saved.compaction.sources, [A]);
      assert.deepEqual(
        sync.damaged.map((each) => [each.ulid, each.savedCount, each.sampleCount]),
        [[A, 12, undefined]],
      );
      await upload(sync, retentionMs);
      await upload(restart(), retentionMs);
      assert.equal((await stored()).length, 2);
    });
  }

  it('without a meta.json is left alone when it is past the retention', async () => {
    const { sync, bad, blocks, clock, upload, stored } = await setUp();
    bad.push({ ulid: A, error: new Error('no meta.json') });
    blocks.splice(0);
    await upload(sync, clock.nowMs() - ulidTimeMs(A) - 1);
    assert.deepEqual(
      (await stored()).map(({ ulid }) => ulid),
      [],
    );
  });

  it('waits for room on the disk, and keeps none from being stored', async () => {
    const { local, sync, damage, upload, stored } = await setUp();
    await damage(`${A}/chunks/000001`, 40);
    local.freeBytes = async () => 1000;
    await assert.rejects(upload(), { code: 'ERR_BLOCKSYNC', message: /1 of 2/ });
    assert.equal(sync.damaged.length, 0);
    assert.equal((await stored()).length, 1);
    local.freeBytes = async () => 1e12;
    await upload();
    assert.equal((await stored()).length, 2);
  });

  it('in the store writes all of it anew, not meta.json alone', async () => {
    const { local, remote, upload, stored, restart } = await setUp();
    await upload();
    const path = `${blockDirOf(A)}/chunks/000001`;
    const bytes = await readSmallFile(local, `${A}/chunks/000001`, 1_000_000);
    // A power cut of the store leaves files of the right size, and nothing in them.
    remote.put(path, new Uint8Array(bytes.length));
    remote.put(`${blockDirOf(A)}/meta.json`, new Uint8Array(300));
    await upload(restart());
    assert.equal((await stored()).length, 2);
  });

  it('does not take a file that was sent before for whole', async () => {
    const { local, remote, damage, sync, upload, stored } = await setUp();
    for (const file of ['chunks/000001', 'index']) {
      await remote.write(`${blockDirOf(A)}/${file}`, local.read(`${A}/${file}`));
    }
    await damage(`${A}/chunks/000001`, 40);
    await upload();
    assert.deepEqual(
      sync.damaged.map(({ ulid }) => ulid),
      [A],
    );
    assert.equal((await stored()).length, 2);
  });
});
