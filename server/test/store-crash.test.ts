// The process ends, or one call to the disk fails for want of room, at every single call of a run that
// syncs blocks, makes dumps and deletes one. Afterwards a new process must find everything in order.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { STORE_BLOCKS_DIR, STORE_DUMPS_DIR } from '../src/filestore/layout.ts';
import { LocalFileStore } from '../src/filestore/local-file-store.ts';
import { BlockCatalog } from '../src/services/blocksync/block-catalog.ts';
import type { JobKeyValueStore } from '../src/services/jobs/key-value-store.ts';
import type { BlockMeta } from '../src/tsdb/index.ts';
import { testUlid } from './support/make-block.ts';
import type { MemoryFs } from './support/memory-fs.ts';
import { attempt, begin, StoreProcess } from './support/store-process.ts';
import { DAY_MS, DELETED, KEPT, START_MS } from './support/store-process.ts';
import { readBlockSamples } from './support/tsdb-samples.ts';

/** Everything up to the deletion, each step whether or not the one before worked. */
async function makeDumps(process: StoreProcess): Promise<void> {
  await attempt(() => process.upload());
  process.jobs.start();
  await attempt(() => process.createJob());
  await attempt(() => process.createJob());
  await process.settled();
}

async function live(process: StoreProcess): Promise<void> {
  await makeDumps(process);
  if (!process.isDead) await attempt(() => process.jobs.delete(DELETED));
}

async function allFiles(fs: MemoryFs, dir: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, isDirectory } of await fs.list(dir)) {
    const path = `${dir}/${name}`;
    if (isDirectory) files.push(...(await allFiles(fs, path)));
    else files.push(path);
  }
  return files;
}

/** What a new process makes of what is there, two days later. */
async function judge(
  fs: MemoryFs,
  kv: JobKeyValueStore,
  blocks: readonly BlockMeta[],
  what: string,
): Promise<StoreProcess> {
  const found = await new BlockCatalog().list(
    new LocalFileStore({ fs, root: 'files', nowMs: () => 0 }),
  );
  const wanted = await readBlockSamples(fs, [`db/${testUlid(0)}`, `db/${testUlid(1)}`]);
  const readStore = (metas: readonly BlockMeta[]) =>
    readBlockSamples(
      fs,
      metas.map(({ ulid }) => `files/${STORE_BLOCKS_DIR}/${ulid}`),
    );
  // A half block that is taken for whole would fail here.
  await readStore(found.whole);

  const next = new StoreProcess(fs, kv, blocks, START_MS + 2 * DAY_MS);
  next.jobs.start();
  await next.upload();
  assert.ok(await next.settled(), `${what}: a job is stuck`);
  for (const { id, status, error } of await next.jobs.list()) {
    if (status === 'error')
      assert.match(error ?? '', /\.$/, `${what}: ${id} failed without a reason`);
  }
  await next.cleanUp();
  await next.jobs.stop();
  const { whole, broken } = await new BlockCatalog().list(next.store);
  assert.deepEqual([whole.length, broken.length], [2, 0], what);
  assert.deepEqual(await readStore(whole), wanted, what);

  const jobs = new Map((await next.jobs.list()).map((job) => [job.id, job]));
  const dumps = (await next.store.list(STORE_DUMPS_DIR)).map(({ name }) => name);
  const made = [...jobs.values()].filter(({ status }) => status === 'success');
  assert.deepEqual(dumps, made.map(({ id }) => id).sort(), `${what}: dumps and jobs differ`);
  for (const { dump_location: location, size_bytes: sizeBytes } of made) {
    const archive = await fs.readFile(`files/${location}`);
    assert.equal(archive.length, sizeBytes, what);
    assert.match(gunzipSync(archive).toString('latin1'), /metadata\.yaml/);
  }
  const files = [...(await allFiles(fs, 'db')), ...(await allFiles(fs, 'files'))];
  const left = files.filter((path) => /\.tmp|dump-work/.test(path));
  assert.deepEqual(left, [], what);
  return next;
}

describe('sync, dumps and jobs', () => {
  async function countCalls(): Promise<number> {
    const { fs, kv, blocks, process } = await begin();
    const before = fs.calls;
    await live(process);
    const jobs = await process.jobs.list();
    assert.deepEqual(
      jobs.map(({ id, status }) => [id, status]),
      [[KEPT, 'success']],
    );
    const calls = fs.calls - before;
    await process.jobs.stop();
    await judge(fs, kv, blocks, 'nothing went wrong');
    return calls;
  }

  it('lose nothing and leave nothing, at whichever call to the disk the process is killed', async (t) => {
    const calls = await countCalls();
    assert.ok(calls > 60, `${calls} calls`);
    for (let call = 1; call <= calls; call++) {
      const { fs, kv, blocks, process } = await begin();
      fs.fault = { atCall: fs.calls + call, kind: 'crash' };
      await outlived(process, live(process));
      const after = call % 2 === 0 ? 'kill' : 'power cut';
      await judge(fs.survivor(after), kv, blocks, `${after} at call ${call}`);
    }
    t.diagnostic(`${calls} calls`);
  });

  it('lose nothing and leave nothing, at whichever call to the disk there is no room', async () => {
    const calls = await countCalls();
    for (let call = 1; call <= calls; call++) {
      const { fs, kv, blocks, process } = await begin();
      fs.fault = { atCall: fs.calls + call, kind: 'fail', code: 'ERR_FS_FULL' };
      await live(process);
      await process.jobs.stop();
      assert.deepEqual(fs.openFiles(), [], `no room at call ${call}: files left open`);
      await judge(fs, kv, blocks, `no room at call ${call}`);
    }
  });
});

/** The steps of one deletion, of a job that is finished or that runs. */
const deletions = {
  finished: makeDumps,
  running: async (process: StoreProcess): Promise<void> => {
    await process.upload();
    await process.createJob();
    await process.createJob();
    process.jobs.start();
    for (let turns = 1; turns < 1_000; turns++) {
      // Its first words on the disk: the dump is not there before a good many more.
      if (process.fs.log.some((call) => call.includes(DELETED))) return;
      if (turns % 10 === 0) await process.clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.fail('the job never ran');
  },
};

for (const [state, prepare] of Object.entries(deletions)) {
  describe(`the deletion of a job that is ${state}`, () => {
    /** Kills the process at one step, if the deletion comes that far. */
    async function killAt(
      step: number,
      place: 'disk' | 'before a key' | 'after a key',
    ): Promise<boolean> {
      const { fs, kv, calls, blocks, process } = await begin();
      await prepare(process);
      if (place === 'disk') fs.fault = { atCall: fs.calls + step, kind: 'crash' };
      const when = place === 'before a key' ? 'before' : 'after';
      if (place !== 'disk') calls.kill = { atCall: calls.count + step, when };
      await outlived(process, process.jobs.delete(DELETED));
      const wasKilled = process.isDead;
      const what = `killed at step ${step}, ${place}`;
      const disk = fs.survivor(step % 2 === 0 ? 'kill' : 'power cut');
      const next = await judge(disk, kv, blocks, what);
      const jobs = new Map((await next.jobs.list()).map((job) => [job.id, job.status]));
      assert.equal(jobs.get(KEPT), 'success', what);
      // Whole, which `judge` has compared with its file, or gone.
      assert.ok([undefined, 'success'].includes(jobs.get(DELETED)), what);
      if (!wasKilled) assert.equal(jobs.get(DELETED), undefined, 'it was not deleted');
      return wasKilled;
    }

    for (const place of ['disk', 'before a key', 'after a key'] as const) {
      it(`leaves it whole or gone, whichever step is the last: ${place}`, async (t) => {
        let step = 1;
        while (await killAt(step, place)) step++;
        t.diagnostic(`${step - 1} steps`);
        assert.ok(step > 2, `${step - 1} steps`);
      });
    }
  });
}

/** Waits for the end of `work`, or for some turns after the death of the process: last words. */
async function outlived(process: StoreProcess, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  const end = (): void => void (isOver = true);
  work.then(end, end);
  for (let turns = 0; turns < 20 && !isOver;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.isDead) turns++;
  }
}
