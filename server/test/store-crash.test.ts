// The process ends, or one call to the disk fails for want of room, at every single call of a run that
// syncs blocks, makes a dump and deletes it. Afterwards a new process must find everything in order.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { silentLogger } from '../src/base/log.ts';
import { STORE_BLOCKS_DIR, STORE_DUMPS_DIR } from '../src/filestore/layout.ts';
import { LocalFileStore } from '../src/filestore/local-file-store.ts';
import { ThreadedPacker } from '../src/platform/archive/archive-packer.ts';
import { archiveTasks } from '../src/platform/archive/deflate-task.ts';
import { BlockCatalog } from '../src/services/blocksync/block-catalog.ts';
import { BlockSync } from '../src/services/blocksync/block-sync.ts';
import { DumpService } from '../src/services/dump/dump-service.ts';
import { removeOrphanedDumps } from '../src/services/dump/orphans.ts';
import { JobService } from '../src/services/jobs/job-service.ts';
import { JobStore } from '../src/services/jobs/job-store.ts';
import type { JobKeyValueStore } from '../src/services/jobs/key-value-store.ts';
import type { DumpJob } from '../src/services/jobs/job.ts';
import { tsdbTasks } from '../src/tsdb/index.ts';
import type { BlockMeta } from '../src/tsdb/index.ts';
import { FakeClock } from './support/fake-clock.ts';
import { FakeHost } from './support/fake-host.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { makeBlock, testUlid } from './support/make-block.ts';
import { MemoryFs } from './support/memory-fs.ts';
import { readBlockSamples } from './support/tsdb-samples.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RETENTION_MS = 15 * DAY_MS;
const START_MS = Date.UTC(2026, 10, 22);
const KEPT = 'a'.repeat(26);
const DELETED = 'b'.repeat(26);

/** The parts of the plugin that work on blocks and dumps, in one process. */
class Process {
  readonly fs: MemoryFs;
  readonly clock: FakeClock;
  readonly store: LocalFileStore;
  readonly jobs: JobService;
  readonly #sync: BlockSync;
  readonly #local: { blocks: () => readonly BlockMeta[]; store: LocalFileStore };
  readonly #signal = new AbortController().signal;
  #ids = [KEPT, DELETED];

  constructor(fs: MemoryFs, kv: JobKeyValueStore, blocks: readonly BlockMeta[], nowMs: number) {
    this.fs = fs;
    const clock = new FakeClock(nowMs);
    this.clock = clock;
    this.store = new LocalFileStore({ fs, root: 'files', nowMs: () => clock.nowMs() });
    const database = new LocalFileStore({ fs, root: 'db', nowMs: () => clock.nowMs() });
    this.#local = { blocks: () => blocks, store: database };
    const catalog = new BlockCatalog();
    this.#sync = new BlockSync({ catalog, clock, logger: silentLogger });
    const tasks = inlineTasks([...tsdbTasks(fs), ...archiveTasks()]);
    const dumps = new DumpService({
      database: () => ({ ...this.#local, writeHeadBlock: async () => undefined }),
      fileStore: () => this.store,
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
      catalog,
      packer: new ThreadedPacker(tasks),
      tasks,
      sizeLimitBytes: () => 0,
      clock,
      logger: silentLogger,
    });
    this.jobs = new JobService({
      store: new JobStore(kv, clock, { run: (work) => work() }),
      dumps,
      clock,
      logger: silentLogger,
      newId: () => this.#ids.shift() ?? 'c'.repeat(26),
      owner: () => 'node',
      isCluster: () => false,
      removeWrecks: async () => true,
    });
  }

  upload(): Promise<number> {
    return this.#sync.upload(this.#local, this.store, RETENTION_MS, this.#signal);
  }

  async cleanUp(): Promise<void> {
    await this.#sync.cleanUp(this.#local, this.store, RETENTION_MS, this.#signal);
    await this.store.removeLeftovers('plugin-data/mattermost-plugin-metrics');
    await removeOrphanedDumps(this.store, await this.jobs.list(), this.clock.nowMs());
  }

  /** A range whose ends lie within blocks, so that these are cut. */
  createJob(): Promise<DumpJob> {
    return this.jobs.create(START_MS + HOUR_MS, START_MS + 3 * HOUR_MS);
  }

  /** Whether all jobs have ended, within a minute of this process's time. */
  async settled(): Promise<boolean> {
    for (let i = 0; i < 600; i++) {
      if (this.isDead) return false;
      const jobs = await this.jobs.list();
      if (jobs.every(({ status }) => status === 'success' || status === 'error')) return true;
      await this.clock.advance(100);
    }
    return false;
  }

  get isDead(): boolean {
    const { fault } = this.fs;
    return fault?.kind === 'crash' && this.fs.calls >= fault.atCall;
  }

  /** Everything, each step whether or not the one before worked. */
  async live(): Promise<void> {
    await attempt(() => this.upload());
    this.jobs.start();
    await attempt(() => this.createJob());
    await attempt(() => this.createJob());
    await this.settled();
    if (!this.isDead) await attempt(() => this.jobs.delete(DELETED));
  }
}

async function attempt(work: () => Promise<unknown>): Promise<void> {
  await work().catch(() => undefined);
}

/** A dead process reads and writes no key any more: its calls never return. */
function mortal(kv: JobKeyValueStore, isDead: () => boolean): JobKeyValueStore {
  const alive = <T>(call: () => Promise<T>): Promise<T> =>
    isDead() ? new Promise<never>(() => {}) : call();
  return {
    get: (key) => alive(() => kv.get(key)),
    compareAndSet: (key, old, next) => alive(() => kv.compareAndSet(key, old, next)),
    createFor: (key, value, seconds) => alive(() => kv.createFor(key, value, seconds)),
    setFor: (key, value, seconds) => alive(() => kv.setFor(key, value, seconds)),
    delete: (key) => alive(() => kv.delete(key)),
    keys: (prefix) => alive(() => kv.keys(prefix)),
  };
}

async function begin() {
  const fs = new MemoryFs();
  await fs.makeDir('db');
  const blocks: BlockMeta[] = [];
  for (let i = 0; i < 2; i++) {
    const from = START_MS + i * 2 * HOUR_MS;
    const samples = Array.from({ length: 30 }, (_, k) => [from + k * 240_000, k] as const);
    const series = [{ labels: { __name__: 'x', i: String(i) }, samples }];
    blocks.push(await makeBlock(fs, 'db', testUlid(i), [from, from + 2 * HOUR_MS], series));
  }
  await fs.syncDir('.');
  const { kv } = new FakeHost({}, {});
  const isDead = (): boolean => process.isDead;
  const process: Process = new Process(fs, mortal(kv, isDead), blocks, START_MS + 5 * HOUR_MS);
  return { fs, kv, blocks, process };
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
): Promise<void> {
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

  const next = new Process(fs, kv, blocks, START_MS + 2 * DAY_MS);
  next.jobs.start();
  await next.upload();
  assert.ok(await next.settled(), `${what}: a job is stuck`);
  for (const { id, status, error } of await next.jobs.list()) {
    if (status === 'error')
      assert.match(error ?? '', /\.$/, `${what}: ${id} failed without a reason`);
  }
  // A deletion that was interrupted is asked for again, by whoever still sees the job.
  await next.jobs.delete(DELETED);
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
}

describe('sync, dumps and jobs', () => {
  async function countCalls(): Promise<number> {
    const { fs, kv, blocks, process } = await begin();
    const before = fs.calls;
    await process.live();
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
      await Promise.race([process.live(), died(process)]);
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
      await process.live();
      await process.jobs.stop();
      assert.deepEqual(fs.openFiles(), [], `no room at call ${call}: files left open`);
      await judge(fs, kv, blocks, `no room at call ${call}`);
    }
  });
});

/** Resolves some turns after the process has died: its last words are not waited for. */
async function died(process: Process): Promise<void> {
  for (let turns = 0; turns < 20;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.isDead) turns++;
  }
}
