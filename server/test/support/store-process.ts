// The parts of the plugin that work on blocks and dumps, in a process that can be ended at each of its
// calls to the disk and to the key-value store; what these hold stays.
import { silentLogger } from '../../src/base/log.ts';
import { LocalFileStore } from '../../src/filestore/local-file-store.ts';
import { ThreadedPacker } from '../../src/platform/archive/archive-packer.ts';
import { archiveTasks } from '../../src/platform/archive/deflate-task.ts';
import { BlockCatalog } from '../../src/services/blocksync/block-catalog.ts';
import { BlockSync } from '../../src/services/blocksync/block-sync.ts';
import { DumpService } from '../../src/services/dump/dump-service.ts';
import { removeOrphanedDumps } from '../../src/services/dump/orphans.ts';
import { JobService } from '../../src/services/jobs/job-service.ts';
import { JobStore } from '../../src/services/jobs/job-store.ts';
import type { JobKeyValueStore } from '../../src/services/jobs/key-value-store.ts';
import type { DumpJob } from '../../src/services/jobs/job.ts';
import { tsdbTasks } from '../../src/tsdb/index.ts';
import type { BlockMeta } from '../../src/tsdb/index.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeHost } from './fake-host.ts';
import { inlineTasks } from './inline-tasks.ts';
import { makeBlock, testUlid } from './make-block.ts';
import { MemoryFs } from './memory-fs.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const RETENTION_MS = 15 * DAY_MS;
export const START_MS = Date.UTC(2026, 10, 22);
export const KEPT = 'a'.repeat(26);
export const DELETED = 'b'.repeat(26);

export class StoreProcess {
  readonly fs: MemoryFs;
  readonly clock: FakeClock;
  readonly store: LocalFileStore;
  readonly jobs: JobService;
  isKilled = false;
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
    const tasks = inlineTasks([...tsdbTasks(fs), ...archiveTasks()]);
    this.#sync = new BlockSync({ catalog, tasks, clock, logger: silentLogger });
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

  /** Whether all jobs have ended, and those to be deleted are, within a minute of this process's time. */
  async settled(): Promise<boolean> {
    for (let i = 0; i < 600; i++) {
      if (this.isDead) return false;
      const jobs = await this.jobs.list();
      const isOver = ({ status, deleting }: DumpJob): boolean =>
        status === 'success' || (status === 'error' && deleting !== true);
      if (jobs.every(isOver)) return true;
      await this.clock.advance(100);
    }
    return false;
  }

  /** Ends in a call to the disk, or when the key-value store says so. */
  get isDead(): boolean {
    const { fault } = this.fs;
    return this.isKilled || (fault?.kind === 'crash' && this.fs.calls >= fault.atCall);
  }
}

export async function attempt(work: () => Promise<unknown>): Promise<void> {
  await work().catch(() => undefined);
}

/** Counts the calls to the key-value store from 1, and ends the process before or after one. */
export interface KeyValueCalls {
  count: number;
  kill?: { readonly atCall: number; readonly when: 'before' | 'after' };
}

/** A dead process reads and writes no key any more: its calls never return. */
function mortal(
  kv: JobKeyValueStore,
  calls: KeyValueCalls,
  process: () => StoreProcess,
): JobKeyValueStore {
  const never = new Promise<never>(() => {});
  const alive = async <T>(call: () => Promise<T>): Promise<T> => {
    if (process().isDead) return never;
    calls.count++;
    const when = calls.kill?.atCall === calls.count ? calls.kill.when : undefined;
    if (when !== undefined) process().isKilled = true;
    if (when === 'before') return never;
    const result = await call();
    return process().isDead ? never : result;
  };
  return {
    get: (key) => alive(() => kv.get(key)),
    compareAndSet: (key, old, next) => alive(() => kv.compareAndSet(key, old, next)),
    createFor: (key, value, seconds) => alive(() => kv.createFor(key, value, seconds)),
    setFor: (key, value, seconds) => alive(() => kv.setFor(key, value, seconds)),
    delete: (key) => alive(() => kv.delete(key)),
    keys: (prefix) => alive(() => kv.keys(prefix)),
  };
}

export async function begin() {
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
  const calls: KeyValueCalls = { count: 0 };
  const dying = mortal(kv, calls, () => process);
  const process: StoreProcess = new StoreProcess(fs, dying, blocks, START_MS + 5 * HOUR_MS);
  return { fs, kv, calls, blocks, process };
}
