// Opening a FIFO that nobody writes to takes as long as a call to a network mount whose server is
// gone: for ever, and nothing ends it.
// First: the pool is as large as the plugin's.
import '../src/platform/pool-size.ts';

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';

import { codeOf, hasCode } from '../src/base/errors.ts';
import { defineTask } from '../src/base/ports/task-runner.ts';
import { readSmallFile, sourceOf } from '../src/filestore/file-store.ts';
import { LocalFileStore } from '../src/filestore/local-file-store.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { LeavableFs, STORE_CALLS_MAX } from '../src/platform/leavable-fs.ts';
import { WorkerPool } from '../src/platform/worker-pool.ts';
import { until } from './support/ask.ts';

const root = mkdtempSync(join(tmpdir(), 'hanging-fs-'));
const writers: number[] = [];
const fifos = new Set<string>();
after(async () => {
  for (const fifo of fifos) answer(fifo);
  for (const fd of writers) closeSync(fd);
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
const double = defineTask<number, number>('double');
const copy = defineTask<{ from: string; to: string }, void>('copy');
const watch = defineTask<string, void>('watch');

function moduleUrl(name: string): string {
  return JSON.stringify(new URL(`../src/platform/${name}`, import.meta.url).href);
}

const hangs = (error: unknown): boolean => hasCode(error, 'ERR_FS_HANGING');

/** Long enough for a busy machine to open a healthy file. */
const CALL_TIMEOUT_MS = 3_000;

function openFs(): LeavableFs {
  return new LeavableFs(diskFs, { callTimeoutMs: CALL_TIMEOUT_MS });
}

function makeFifo(): string {
  const path = join(root, `fifo-${count++}`);
  execFileSync('mkfifo', [path]);
  fifos.add(path);
  return path;
}

function makeFile(text: string): string {
  const path = join(root, `file-${count++}`);
  writeFileSync(path, text);
  return path;
}

/** Lets whoever opens the FIFO go on; returns its other end. */
function answer(fifo: string): number {
  fifos.delete(fifo);
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  writers.push(fd);
  return fd;
}

function readSome(fd: number): void {
  try {
    readSync(fd, new Uint8Array(65_536));
  } catch (error) {
    if (codeOf(error) !== 'EAGAIN') throw error;
  }
}

/** How many files of that path this process has open. */
function openFiles(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}

describe('a file system that hangs', () => {
  it('keeps nobody waiting who asks for other files, and costs one thread a file', async () => {
    const fs = openFs();
    const fifo = makeFifo();
    const healthy = makeFile('well');
    let isRefused = false;
    const callers = Array.from({ length: 5 }, () =>
      assert.rejects(fs.open(fifo, 'read'), hangs).then(() => (isRefused = true)),
    );
    for (let i = 0; i < 20; i++) assert.equal((await fs.readFile(healthy)).length, 4);
    assert.equal(isRefused, false, 'the healthy file waited for the other one');
    await Promise.all(callers);
    assert.equal(fs.lostCount, 1);
    await assert.rejects(fs.stat(fifo), hangs);
    assert.equal((await fs.readFile(healthy)).length, 4);
  });

  it('is asked no more once it has taken all its threads, until it answers', async () => {
    const fs = openFs();
    const healthy = makeFile('well');
    const hanging = Array.from({ length: 12 }, makeFifo);
    const before = hanging.map(openFiles);
    const startMs = performance.now();
    await Promise.all(hanging.map((path) => assert.rejects(fs.open(path, 'read'), hangs)));
    // One after another, four at a time, they would have waited three times as long.
    assert.ok(performance.now() - startMs < 2 * CALL_TIMEOUT_MS);
    assert.equal(fs.lostCount, STORE_CALLS_MAX);
    await assert.rejects(fs.readFile(healthy), (error: Error) => {
      assert.ok(hasCode(error, 'ERR_FS_HANGING'));
      assert.match(error.message, /fifo-\d+ does not answer/);
      return true;
    });
    // The pool that all other file calls of the process share is free.
    assert.equal(await readFile(healthy, 'utf8'), 'well');

    for (const fifo of hanging) answer(fifo);
    await until('the calls have returned', () => fs.lostCount === 0);
    assert.equal((await fs.readFile(healthy)).length, 4);
    await until('what was opened too late is closed', () =>
      hanging.every((path, i) => openFiles(path) === before[i] + 1),
    );
  });

  it('has a file closed for it when a write comes back that nobody waits for', async () => {
    const fs = openFs();
    const fifo = makeFifo();
    // Opened for reading as well, as our files are, a FIFO is there at once; it holds 64 KiB.
    const file = await fs.open(fifo, 'append');
    await assert.rejects(file.write(new Uint8Array(100_000)), hangs);
    await file.close();
    assert.equal(fs.lostCount, 1);
    assert.equal(openFiles(fifo), 1);
    const reader = answer(fifo);
    await until('the call has returned', () => {
      readSome(reader);
      return fs.lostCount === 0;
    });
    await until('all but our own end is closed', () => openFiles(fifo) === 1);
  });

  it('is named by the file store, with what hangs and since when', async () => {
    const dir = mkdtempSync(join(root, 'store-'));
    execFileSync('mkfifo', [join(dir, 'meta.json')]);
    fifos.add(join(dir, 'meta.json'));
    const fs = openFs();
    const store = new LocalFileStore({ fs, root: dir, nowMs: Date.now });
    const reading = assert.rejects(readSmallFile(store, 'meta.json', 100), (error: Error) => {
      assert.ok(hasCode(error, 'ERR_FILESTORE_HANGING'));
      assert.match(String(error.cause), /meta\.json does not answer/);
      return true;
    });
    await store.write('other', sourceOf(new Uint8Array(2_000_000)));
    await reading;
    assert.equal((await store.stat('other'))?.sizeBytes, 2_000_000);
  });
});

describe('a worker whose file call does not return', () => {
  /** @param tasks source of a list of handlers, which have `fs` */
  function startPool(tasks: string, callTimeoutMs?: number): WorkerPool {
    const source = `
      const { serveTasks, threadMark } = await import(${moduleUrl('worker-thread.ts')});
      const { blockingFs } = await import(${moduleUrl('blocking-fs.ts')});
      const fs = blockingFs(threadMark());
      serveTasks(${tasks});`;
    return new WorkerPool({
      workersMax: 1,
      ...(callTimeoutMs !== undefined && { callTimeoutMs }),
      createWorker: (workerData) => new Worker(source, { eval: true, workerData }),
    });
  }

  it('is replaced, and is back when the call returns, without having gone on', async () => {
    const pool = startPool(
      `[
        { name: 'double', run: async (input) => input * 2 },
        { name: 'copy', run: async ({ from, to }) => {
          const file = await fs.open(from, 'append');
          try {
            await file.write(new Uint8Array(100_000));
            await (await fs.open(to, 'create')).close();
          } finally {
            await file.close();
          }
        } },
      ]`,
      1_000,
    );
    try {
      const from = makeFifo();
      const to = join(root, 'never-made');
      await assert.rejects(pool.run(copy, { from, to }), hangs);
      assert.equal(await pool.run(double, 21), 42);
      const reader = answer(from);
      await until('the file is closed', () => {
        readSome(reader);
        return openFiles(from) === 1;
      });
      assert.ok(!existsSync(to));
      assert.equal(await pool.run(double, 2), 4);
    } finally {
      await pool.close();
    }
  });

  it('keeps no other kind of task from its thread, however many hang', async () => {
    const pool = startPool(
      `[
        { name: 'double', run: async (input) => input * 2 },
        { name: 'watch', run: async (path) => void (await fs.readFile(path)) },
      ]`,
      500,
    );
    const hanging = Array.from({ length: 6 }, makeFifo);
    try {
      for (const fifo of hanging) await assert.rejects(pool.run(watch, fifo), hangs);
      const startMs = performance.now();
      await assert.rejects(pool.run(watch, hanging[0]), hangs);
      assert.ok(performance.now() - startMs < 450, 'it was tried again');
      assert.equal(await pool.run(double, 21), 42);
      const ends = hanging.map(answer);
      writers.splice(-ends.length);
      // What is opened has an end then.
      for (const fd of ends) closeSync(fd);
      await until('the threads are back', () =>
        pool.run(watch, makeFile('well')).then(
          () => true,
          () => false,
        ),
      );
    } finally {
      await pool.close();
    }
  });

  it('hears of a cancel between its calls', async () => {
    const pool = startPool(`[{ name: 'watch', run: async (path, signal) => {
        for (;;) { signal.throwIfAborted(); await fs.stat(path); } } }]`);
    try {
      const stop = new AbortController();
      const watching = pool.run(watch, root, { signal: stop.signal });
      setTimeout(() => stop.abort(new Error('enough')), 100);
      await assert.rejects(watching, /enough/);
    } finally {
      await pool.close();
    }
  });
});
