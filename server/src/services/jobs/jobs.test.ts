import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';

import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { dumpPathOf } from '../../filestore/layout.ts';
import { JOB_MAP_KEY } from './job-map.ts';
import { JobService } from './job-service.ts';
import type { DumpMaker, DumpResult, DumpRun } from './dump-maker.ts';
import { JobStore } from './job-store.ts';
import type { JobKeyValueStore } from './key-value-store.ts';
import { newJobId } from './job.ts';
import { ListLock } from './list-lock.ts';

const GO_SUCCESS =
  '{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"success","create_at":5,"min_t":1,"max_t":2,' +
  '"dump_location":"plugin-data/mattermost-plugin-metrics/dump/aaaaaaaaaaaaaaaaaaaaaaaaaa/tsdb_dump.tar.gz"}';

/** A key-value store that can be made to lose races and to fail. */
class FakeKv implements JobKeyValueStore {
  readonly values = new Map<string, string>();
  /** Runs right before each compare-and-set: another node's chance. */
  beforeSet: () => void = () => {};
  failure: Error | undefined;
  sets = 0;

  async get(key: string): Promise<Uint8Array | undefined> {
    await settle();
    if (this.failure !== undefined) throw this.failure;
    const value = this.values.get(key);
    return value === undefined ? undefined : new TextEncoder().encode(value);
  }

  async compareAndSet(
    key: string,
    old: Uint8Array | undefined,
    next: Uint8Array,
  ): Promise<boolean> {
    await settle();
    if (this.failure !== undefined) throw this.failure;
    this.beforeSet();
    const expected = old === undefined ? undefined : new TextDecoder().decode(old);
    if (this.values.get(key) !== expected) return false;
    this.sets++;
    this.values.set(key, new TextDecoder().decode(next));
    return true;
  }

  async createFor(key: string, value: Uint8Array): Promise<boolean> {
    if (this.values.has(key)) return false;
    await this.setFor(key, value);
    return true;
  }

  async setFor(key: string, value: Uint8Array): Promise<void> {
    await settle();
    if (this.failure !== undefined) throw this.failure;
    this.values.set(key, new TextDecoder().decode(value));
  }

  async delete(key: string): Promise<void> {
    await settle();
    if (this.failure !== undefined) throw this.failure;
    this.values.delete(key);
  }

  async keys(prefix: string): Promise<string[]> {
    await settle();
    if (this.failure !== undefined) throw this.failure;
    return [...this.values.keys()].filter((key) => key.startsWith(prefix));
  }

  read(): Record<string, Record<string, unknown>> {
    return JSON.parse(this.values.get(JOB_MAP_KEY) ?? '{}');
  }
}

/** Dumps that end when the test says so. */
class FakeDumps implements DumpMaker {
  readonly runs: DumpRun[] = [];
  readonly removed: string[] = [];
  leftoversRemoved = 0;
  ignoresAbort = false;
  removeFailure: Error | undefined;
  #end: ((outcome: DumpResult | Error) => void) | undefined;

  make(run: DumpRun): Promise<DumpResult> {
    this.runs.push(run);
    return new Promise((resolve, reject) => {
      this.#end = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
      const onAbort = (): void => {
        if (!this.ignoresAbort) reject(run.signal.reason);
      };
      run.signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  async end(outcome?: DumpResult | Error): Promise<void> {
    const run = this.runs.at(-1);
    assert.ok(run !== undefined && this.#end !== undefined, 'no dump is being made');
    const { jobId, minTimeMs, maxTimeMs } = run;
    const location = dumpPathOf(jobId, 'tar.gz');
    const counts = { sizeBytes: 77, sampleCount: 5, seriesMax: 2 };
    this.#end(outcome ?? { location, ...counts, minTimeMs, maxTimeMs });
    await settle();
    await settle();
  }

  async remove(jobId: string): Promise<void> {
    if (this.removeFailure !== undefined) throw this.removeFailure;
    this.removed.push(jobId);
  }

  async removeLeftovers(): Promise<void> {
    this.leftoversRemoved++;
  }
}

describe('jobs', () => {
  const started: JobService[] = [];
  afterEach(async () => {
    for (const service of started.splice(0)) await service.stop();
  });

  function setUp(kv = new FakeKv(), isCluster = false, owner = 'host-1') {
    const clock = new FakeClock();
    const dumps = new FakeDumps();
    const options = { kv, clock, logger: silentLogger, isCluster: () => isCluster };
    const lock = new ListLock({ ...options, pluginId: 'com.mattermost.mattermost-plugin-metrics' });
    const service = new JobService({
      store: new JobStore(kv, clock, lock),
      dumps,
      clock,
      logger: silentLogger,
      newId: () => newJobId(randomBytes),
      owner: () => owner,
      isCluster: () => isCluster,
      removeWrecks: async () => true,
    });
    started.push(service);
    return { kv, clock, dumps, service };
  }

  /** Moves time on so slowly that everything which talks to the key-value store gets its answers. */
  async function pass(clock: FakeClock, ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= 5_000) {
      await clock.advance(Math.min(leftMs, 5_000));
      for (let i = 0; i < 20; i++) await settle();
    }
  }

  async function until(condition: () => boolean, clock: FakeClock): Promise<void> {
    for (let i = 0; i < 100 && !condition(); i++) await clock.advance(100);
    assert.ok(condition(), 'it never happened');
  }

  it('go from pending over in_progress to success, in the form that the Go plugin reads', async () => {
    const { kv, clock, dumps, service } = setUp();
    const job = await service.create(100, 200);
    assert.deepEqual(kv.read()[job.id], {
      id: job.id,
      status: 'pending',
      create_at: clock.nowMs(),
      min_t: 100,
      max_t: 200,
      dump_location: '',
    });
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    dumps.runs[0].onProgress(0.426);
    const [running] = await service.list();
    assert.equal(running.status, 'in_progress');
    assert.equal(running.progress, 0.42);
    const location = dumpPathOf(job.id, 'tar.gz');
    const counts = { sizeBytes: 9, sampleCount: 5, seriesMax: 2 };
    await dumps.end({ location, ...counts, minTimeMs: 110, maxTimeMs: 190 });
    await until(() => kv.read()[job.id].status === 'success', clock);
    assert.deepEqual(kv.read()[job.id], {
      id: job.id,
      status: 'success',
      create_at: job.create_at,
      min_t: 110,
      max_t: 190,
      dump_location: location,
      num_samples: 5,
      num_series: 2,
      attempts: 1,
      size_bytes: 9,
    });
  });

  it('fail with the reason as a sentence', async () => {
    const { kv, clock, dumps, service } = setUp();
    const job = await service.create(100, 200);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    await dumps.end(new CodedError('ERR_X', 'the disk is full', { freeBytes: 0 }));
    await until(() => kv.read()[job.id].status === 'error', clock);
    assert.equal(kv.read()[job.id].error, 'The disk is full (freeBytes: 0).');
  });

  it('run one at a time, oldest first', async () => {
    const { clock, dumps, service } = setUp();
    const first = await service.create(1, 2);
    await clock.advance(10);
    const second = await service.create(3, 4);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    await clock.advance(120_000);
    assert.deepEqual(
      dumps.runs.map((run) => run.jobId),
      [first.id],
    );
    await dumps.end();
    await until(() => dumps.runs.length === 2, clock);
    assert.equal(dumps.runs[1].jobId, second.id);
  });

  for (const [min, max] of [
    [2, 1],
    [0.5, 1],
    [Number.NaN, 1],
    [0, 2 ** 60],
  ]) {
    it(`are refused for the range ${min} to ${max}`, async () => {
      await assert.rejects(setUp().service.create(min, max), { code: 'ERR_JOB_RANGE' });
    });
  }

  it('keep what another node wrote in between', async () => {
    const { kv, clock, service } = setUp();
    let interruptions = 3;
    kv.beforeSet = () => {
      if (interruptions-- <= 0) return;
      const entries = kv.read();
      entries[`other${interruptions}`] = { id: 'other', status: 'error' };
      kv.values.set(JOB_MAP_KEY, JSON.stringify(entries));
    };
    const creating = service.create(1, 2);
    await until(() => kv.sets === 1, clock);
    const job = await creating;
    assert.deepEqual(Object.keys(kv.read()).sort(), [job.id, 'other0', 'other1', 'other2'].sort());
  });

  it('give up on a map that never stops changing, and change nothing', async () => {
    const { kv, clock, service } = setUp();
    let count = 0;
    kv.beforeSet = () => kv.values.set(JOB_MAP_KEY, `{"x":{"n":${count++}}}`);
    const creating = assert.rejects(service.create(1, 2), { code: 'ERR_JOBS_CONFLICT' });
    for (let i = 0; i < 100; i++) await clock.advance(1_000);
    await creating;
    assert.deepEqual(Object.keys(kv.read()), ['x']);
  });

  it('interrupted by a crash are made again once, then failed', async () => {
    const kv = new FakeKv();
    const entry = { status: 'in_progress', create_at: 1, min_t: 1, max_t: 2, dump_location: '' };
    const go = 'bbbbbbbbbbbbbbbbbbbbbbbbbb';
    const twice = 'cccccccccccccccccccccccccc';
    const ours = { ...entry, owner: 'host-1', attempts: 2 };
    const values = { [go]: { id: go, ...entry }, [twice]: { id: twice, ...ours } };
    kv.values.set(JOB_MAP_KEY, JSON.stringify(values));
    const { clock, dumps, service } = setUp(kv);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    assert.equal(dumps.leftoversRemoved, 1);
    assert.equal(dumps.runs[0].jobId, go);
    assert.equal(kv.read()[twice].status, 'error');
    assert.match(String(kv.read()[twice].error), /interrupted twice/);
  });

  it('of other cluster nodes are left to them', async () => {
    const kv = new FakeKv();
    const id = 'bbbbbbbbbbbbbbbbbbbbbbbbbb';
    const text = `{"${id}":{"id":"${id}","status":"in_progress","owner":"host-2"}}`;
    kv.values.set(JOB_MAP_KEY, text);
    const { clock, service } = setUp(kv, true);
    service.start();
    await clock.advance(1_000);
    assert.equal(kv.values.get(JOB_MAP_KEY), text);
  });

  it('of a node that died are made again by another one, those of a living one are not', async () => {
    const { kv, clock, dumps, service } = setUp(new FakeKv(), true);
    const job = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    const other = setUp(kv, true, 'host-2');
    other.service.start();
    for (let i = 0; i < 20; i++) {
      await pass(clock, 5_000);
      await pass(other.clock, 5_000);
    }
    assert.equal(other.dumps.runs.length, 0, 'a job runs twice');
    // The first node is silent from now on: its clock stands still, and its row ends.
    kv.values.delete(`job_progress_${job.id}`);
    await pass(other.clock, 50_000);
    assert.equal(other.dumps.runs.length, 1, 'the job was not taken up within a minute');
    assert.equal(kv.read()[job.id].owner, 'host-2');
    // It comes back, sees that the job is another's and stores nothing.
    await pass(clock, 15_000);
    assert.ok(dumps.runs[0].signal.aborted);
    await other.dumps.end();
    await until(() => kv.read()[job.id].status === 'success', other.clock);
  });

  it('show their progress on every instance and are cancelled from any', async () => {
    const { kv, clock, dumps, service } = setUp(new FakeKv(), true);
    const other = setUp(kv, true, 'host-2');
    const job = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    assert.equal(await dumps.runs[0].ownsFiles(), true);
    dumps.runs[0].onProgress(0.5);
    await pass(clock, 5_000);
    assert.equal((await other.service.list())[0].progress, 0.5);
    assert.equal(await other.service.delete(job.id), true);
    await pass(clock, 15_000);
    assert.ok(dumps.runs[0].signal.aborted);
    assert.deepEqual([...kv.values], [[JOB_MAP_KEY, '{}']], 'something of the job was left');
  });

  describe('beside a Go node that has the lock of the list', () => {
    const LOCK = 'mutex_com.mattermost.mattermost-plugin-metricsmattermost-plugin-metrics_job_lock';
    const goJob = '{"aaaaaaaaaaaaaaaaaaaaaaaaaa":' + GO_SUCCESS + '}';

    it('are written once it has written its own, over which it did not look', async () => {
      const { kv, clock, service } = setUp(new FakeKv(), true);
      kv.values.set(LOCK, '\u0001');
      const creating = service.create(1, 2);
      await pass(clock, 10_000);
      assert.equal(kv.values.has(JOB_MAP_KEY), false, 'the Go node would drop it');
      kv.values.set(JOB_MAP_KEY, goJob);
      kv.values.delete(LOCK);
      await pass(clock, 5_000);
      const { id } = await creating;
      assert.deepEqual(Object.keys(kv.read()).sort(), ['aaaaaaaaaaaaaaaaaaaaaaaaaa', id].sort());
      assert.equal(kv.values.has(LOCK), false, 'it was given back');
    });

    it('are written all the same when the lock stays for longer than a dead holder keeps it', async () => {
      const { kv, clock, service } = setUp(new FakeKv(), true);
      kv.values.set(LOCK, '\u0001');
      const creating = service.create(1, 2);
      await pass(clock, 30_000);
      assert.deepEqual(Object.keys(kv.read()), [(await creating).id]);
      assert.equal(kv.values.has(LOCK), true, 'it is not ours to give back');
    });

    it('are read, and looked through in vain, without it', async () => {
      const { kv, clock, service } = setUp(new FakeKv(), true);
      kv.values.set(JOB_MAP_KEY, goJob);
      kv.values.set(LOCK, '\u0001');
      assert.equal((await service.list()).length, 1);
      assert.equal(await service.cancel('aaaaaaaaaaaaaaaaaaaaaaaaaa'), false);
      assert.ok(clock.nowMs() > 0);
    });
  });

  it('of two administrators who create and delete at once are all kept', async () => {
    const kv = new FakeKv();
    const sides = [setUp(kv, true), setUp(kv, true, 'host-2')];
    const old = [await sides[0].service.create(1, 2), await sides[1].service.create(1, 2)];
    const work = sides.flatMap(({ service }, i) => [
      ...Array.from({ length: 10 }, () => service.create(1, 2)),
      service.delete(old[i].id),
    ]);
    let isDone = false;
    const done = Promise.all(work).finally(() => (isDone = true));
    while (!isDone) for (const { clock } of sides) await clock.advance(50);
    const results = await done;
    const made = results.filter((result) => typeof result === 'object').map(({ id }) => id);
    assert.equal(made.length, 20);
    assert.deepEqual(Object.keys(kv.read()).sort(), made.sort());
  });

  describe('that the Go plugin scheduled', () => {
    const id = 'bbbbbbbbbbbbbbbbbbbbbbbbbb';
    const props = { id, status: 'pending', create_at: 7, min_t: 1, max_t: 2, dump_location: '' };
    const runAt = '2026-11-22T21:04:22.168315985Z';
    const row = JSON.stringify({ Key: id, RunAt: runAt, Props: props });

    it('are made once, with the row gone and nothing written to it', async (t) => {
      const { kv, clock, dumps, service } = setUp();
      kv.values.set(`once_${id}`, row);
      kv.values.set('once_of_another_part', 'x');
      const { mock } = t.mock.method(kv.values, 'set');
      service.start();
      await until(() => dumps.runs.length === 1, clock);
      assert.equal(dumps.runs[0].jobId, id);
      assert.equal(kv.read()[id].create_at, 7);
      await dumps.end();
      await until(() => kv.read()[id].status === 'success', clock);
      await clock.advance(120_000);
      assert.equal(dumps.runs.length, 1);
      assert.deepEqual(await kv.keys('once_'), ['once_of_another_part']);
      assert.ok(!mock.calls.some(({ arguments: [key] }) => key.startsWith('once_')));
    });

    it('are left to the Go node that holds their lock, until it ends', async () => {
      const { kv, clock, dumps, service } = setUp();
      kv.values.set(`once_${id}`, row);
      kv.values.set(`mutex_${id}`, '\u0001');
      const entry = { ...props, status: 'in_progress' };
      kv.values.set(JOB_MAP_KEY, JSON.stringify({ [id]: entry }));
      service.start();
      await pass(clock, 30_000);
      assert.equal(dumps.runs.length, 0);
      assert.equal(kv.values.get(`once_${id}`), row);
      kv.values.delete(`mutex_${id}`);
      await pass(clock, 20_000);
      assert.equal(dumps.runs[0]?.jobId, id);
    });

    it('are cancelled before they were taken over', async () => {
      const { kv, service } = setUp();
      kv.values.set(`once_${id}`, row);
      assert.equal(await service.delete(id), true);
      assert.deepEqual([...kv.values], []);
      assert.equal(await service.delete(id), false);
    });

    for (const bad of ['', '{', '[]', '{"Props":7}', `{"Props":{"min_t":2,"max_t":1}}`]) {
      it(`stay when the row is ${JSON.stringify(bad)}, and stop nothing else`, async () => {
        const { kv, clock, dumps, service } = setUp();
        kv.values.set(`once_${id}`, bad);
        const job = await service.create(1, 2);
        service.start();
        await until(() => dumps.runs.length === 1, clock);
        assert.equal(dumps.runs[0].jobId, job.id);
        assert.equal(kv.values.get(`once_${id}`), bad);
      });
    }
  });

  it('stopped with the plugin are pending again, without counting the attempt', async () => {
    const { kv, clock, dumps, service } = setUp();
    const job = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    await service.stop();
    assert.ok(dumps.runs[0].signal.aborted);
    assert.deepEqual([kv.read()[job.id].status, kv.read()[job.id].attempts], ['pending', 0]);
  });

  it('that are cancelled stay with that as the reason, waiting or running, here or elsewhere', async () => {
    const { kv, clock, dumps, service } = setUp(new FakeKv(), true);
    const other = setUp(kv, true, 'host-2');
    const [running, waiting] = [await service.create(1, 2), await service.create(1, 3)];
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    assert.equal(await other.service.cancel(waiting.id), true);
    assert.equal(await other.service.cancel(running.id), true);
    assert.equal(await other.service.cancel(running.id), false, 'it is cancelled already');
    await pass(clock, 15_000);
    assert.ok(dumps.runs[0].signal.aborted);
    for (const { id } of [running, waiting]) {
      const { status, error, owner } = kv.read()[id];
      assert.deepEqual([status, error, owner], ['error', 'This dump was cancelled.', undefined]);
      assert.equal(kv.read()[id].cancelled, true);
    }
    assert.equal(await dumps.runs[0].ownsFiles(), true, 'its files are nobody else’s to remove');
    assert.equal(dumps.runs.length, 1, 'a cancelled job was run');
    const last = await service.create(1, 4);
    await until(() => dumps.runs.length === 2, clock);
    assert.equal(await service.cancel(last.id), true);
    assert.ok(dumps.runs[1].signal.aborted);
    await settle();
    assert.equal(kv.read()[last.id].error, 'This dump was cancelled.');
    assert.equal(await service.cancel('aaaaaaaaaaaaaaaaaaaaaaaaaa'), false);
  });

  it('cancelled at the very end leave no dump behind', async () => {
    const { kv, clock, dumps, service } = setUp();
    const job = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    // The dump is whole before the signal is seen.
    dumps.ignoresAbort = true;
    assert.equal(await service.cancel(job.id), true);
    await dumps.end();
    await until(() => dumps.removed.length > 0, clock);
    assert.deepEqual(dumps.removed, [job.id]);
    assert.equal(kv.read()[job.id].error, 'This dump was cancelled.');
  });

  it('know whose their files are once the database answers, and never guess', async () => {
    const { kv, clock, dumps, service } = setUp(new FakeKv(), true);
    const { id } = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    const owns = async (job: object | undefined): Promise<boolean> => {
      kv.values.set(JOB_MAP_KEY, JSON.stringify({ [id]: job }));
      kv.failure = new Error('out of reach');
      let answer: boolean | undefined;
      void dumps.runs[0].ownsFiles().then((isOurs) => (answer = isOurs));
      await pass(clock, 20_000);
      assert.equal(answer, undefined);
      kv.failure = undefined;
      await until(() => answer !== undefined, clock);
      return answer === true;
    };
    assert.equal(await owns({ status: 'in_progress', owner: 'host-2' }), false);
    assert.equal(await owns({ status: 'success' }), false);
    assert.equal(await owns({ status: 'in_progress', owner: 'host-1' }), true);
    assert.equal(await owns({ status: 'error' }), true, 'it was cancelled');
    assert.equal(await owns(undefined), true, 'it was deleted');
  });

  it('are cancelled and removed with their files, running or finished, and only they', async () => {
    const { kv, clock, dumps, service } = setUp();
    kv.values.set(JOB_MAP_KEY, `{"aaaaaaaaaaaaaaaaaaaaaaaaaa":${GO_SUCCESS}}`);
    const job = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    assert.equal(await service.delete(job.id), true);
    assert.ok(dumps.runs[0].signal.aborted);
    await settle();
    assert.deepEqual(Object.keys(kv.read()), ['aaaaaaaaaaaaaaaaaaaaaaaaaa']);
    assert.deepEqual(dumps.removed, [job.id]);
    assert.equal(await service.delete('aaaaaaaaaaaaaaaaaaaaaaaaaa'), true);
    assert.equal(await service.delete('aaaaaaaaaaaaaaaaaaaaaaaaaa'), false);
    assert.deepEqual(dumps.removed, [job.id, 'aaaaaaaaaaaaaaaaaaaaaaaaaa']);
    assert.deepEqual(kv.read(), {});
  });

  it('whose files cannot be removed say so, and go when they can', async () => {
    const { kv, clock, dumps, service } = setUp();
    const id = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
    kv.values.set(JOB_MAP_KEY, `{"${id}":${GO_SUCCESS}}`);
    service.start();
    await clock.advance(1_000);
    dumps.removeFailure = new Error('store down');
    await assert.rejects(service.delete(id), /store down/);
    const [job] = await service.list();
    assert.deepEqual([job.status, job.dump_location], ['error', '']);
    assert.match(job.error ?? '', /being deleted/);
    await assert.rejects(service.delete(id), /store down/, 'asked for again');
    await pass(clock, 120_000);
    assert.equal((await service.list()).length, 1);
    dumps.removeFailure = undefined;
    await pass(clock, 60_000);
    assert.deepEqual([dumps.removed, kv.read()], [[id], {}]);
  });

  it('whose entry vanished while the dump was made leave no dump behind', async () => {
    const { kv, clock, dumps, service } = setUp();
    const job = await service.create(1, 2);
    service.start();
    await until(() => dumps.runs.length === 1, clock);
    kv.values.set(JOB_MAP_KEY, '{}');
    await dumps.end();
    await until(() => dumps.removed.includes(job.id), clock);
    assert.deepEqual(kv.read(), {});
  });

  it('are all deleted', async () => {
    const { kv, dumps, service } = setUp();
    await service.create(1, 2);
    await service.create(1, 2);
    await service.deleteAll();
    assert.deepEqual(kv.read(), {});
    assert.equal(dumps.removed.length, 2);
  });

  it('go on after the key-value store was away, also for the outcome of a dump', async () => {
    const { kv, clock, dumps, service } = setUp();
    const job = await service.create(1, 2);
    kv.failure = new Error('database down');
    service.start();
    await clock.advance(30_000);
    kv.failure = undefined;
    await until(() => dumps.runs.length === 1, clock);
    kv.failure = new Error('database down');
    await dumps.end();
    await clock.advance(5_000);
    kv.failure = undefined;
    for (let i = 0; i < 30; i++) await clock.advance(5_000);
    assert.equal(kv.read()[job.id].status, 'success');
  });

  it('can be waited for', async () => {
    const { clock, dumps, service } = setUp();
    service.start();
    const job = await service.create(1, 2);
    await until(() => dumps.runs.length === 1, clock);
    const waiting = service.whenFinished(job.id, 5_000);
    await settle();
    await dumps.end();
    assert.equal((await waiting)?.status, 'success');
    const slow = await service.create(1, 2);
    await until(() => dumps.runs.length === 2, clock);
    const inVain = service.whenFinished(slow.id, 5_000);
    await settle();
    await clock.advance(5_000);
    assert.equal((await inVain)?.status, 'in_progress');
  });
});
