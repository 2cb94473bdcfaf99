import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';

import { CodedError } from '../base/errors.ts';
import { defineTask } from '../base/ports/task-runner.ts';
import { WorkerPool } from './worker-pool.ts';

const SUPPORT = `
  const { serveTasks } = await import(${JSON.stringify(new URL('./worker-thread.ts', import.meta.url).href)});
  const { CodedError } = await import(${JSON.stringify(new URL('../base/errors.ts', import.meta.url).href)});
  serveTasks([
    { name: 'double', run: async (input) => input * 2 },
    { name: 'length', run: async (input) => input.byteLength },
    { name: 'fail', run: async () => {
      throw new CodedError('ERR_TEST', 'it failed', { offset: 7 }, new Error('the cause')); } },
    { name: 'exit', run: async () => process.exit(3) },
    { name: 'wait', run: (input, signal) => new Promise((resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason))) },
  ]);`;

const double = defineTask<number, number>('double');
const byteLength = defineTask<ArrayBuffer, number>('length');
const fail = defineTask<undefined, void>('fail');
const exit = defineTask<undefined, void>('exit');
const wait = defineTask<undefined, void>('wait');
const unknown = defineTask<undefined, void>('unknown');

describe('the worker pool', () => {
  let started = 0;
  const pool = new WorkerPool({
    workersMax: 2,
    createWorker: () => {
      started++;
      return new Worker(SUPPORT, { eval: true });
    },
  });
  after(() => pool.close());

  const coded = (code: string) => (error: unknown) =>
    error instanceof CodedError && error.code === code;

  it('runs many tasks on few threads', async () => {
    const inputs = Array.from({ length: 20 }, (_, i) => i);
    const outputs = await Promise.all(inputs.map((input) => pool.run(double, input)));
    assert.deepEqual(
      outputs,
      inputs.map((input) => input * 2),
    );
    assert.equal(started, 2);
  });

  it('moves buffers', async () => {
    const buffer = new ArrayBuffer(1000);
    assert.equal(await pool.run(byteLength, buffer, { transfer: [buffer] }), 1000);
    assert.equal(buffer.byteLength, 0);
  });

  it('brings errors back with code, details and cause', async () => {
    await assert.rejects(pool.run(fail, undefined), (error) => {
      assert.ok(error instanceof CodedError);
      assert.equal(error.code, 'ERR_TEST');
      assert.equal(error.details.offset, 7);
      assert.ok(error.cause instanceof Error);
      assert.equal(error.cause.message, 'the cause');
      return true;
    });
    await assert.rejects(pool.run(unknown, undefined), coded('ERR_TASK_UNKNOWN'));
  });

  it('survives a thread that ends', async () => {
    await assert.rejects(pool.run(exit, undefined), coded('ERR_WORKER_LOST'));
    assert.equal(await pool.run(double, 21), 42);
  });

  it('cancels a task that runs and one that waits', async () => {
    const controller = new AbortController();
    const signal = controller.signal;
    const running = [1, 2, 3].map(() => pool.run(wait, undefined, { signal }));
    const results = Promise.allSettled(running);
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error('enough'));
    for (const result of await results) {
      assert.equal(result.status, 'rejected');
      assert.match(String(result.reason), /enough/);
    }
    assert.equal(await pool.run(double, 2), 4);
  });

  it('takes as many threads as it is told, and fewer when it is told so', async () => {
    const counting = new WorkerPool({
      workersMax: 3,
      createWorker: () => new Worker(SUPPORT, { eval: true }),
    });
    try {
      assert.equal(counting.workersMax, 3);
      counting.limit(1);
      const stop = new AbortController();
      const blocked = counting.run(wait, undefined, { signal: stop.signal });
      blocked.catch(() => undefined);
      const order: string[] = [];
      const second = counting.run(double, 1).then(() => order.push('second'));
      stop.signal.addEventListener('abort', () => order.push('first'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.deepEqual(order, [], 'a second thread ran');
      counting.limit(2);
      await second;
      assert.deepEqual(order, ['second']);
      stop.abort();
      await assert.rejects(blocked);
      counting.limit(0);
      assert.ok(counting.workersMax >= 1);
    } finally {
      await counting.close();
    }
  });

  it('refuses work after close', async () => {
    const closed = new WorkerPool();
    await closed.close();
    await assert.rejects(closed.run(double, 1), coded('ERR_WORKER_LOST'));
  });

  it('starts worker.ts by itself', async () => {
    const own = new WorkerPool();
    try {
      await assert.rejects(own.run(unknown, undefined), coded('ERR_TASK_UNKNOWN'));
    } finally {
      await own.close();
    }
  });
});
