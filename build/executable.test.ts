import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { bundleServer } from './bundle.ts';
import { buildExecutable, runPath } from './executable.ts';
import { machineArch } from './manifest.ts';

const mainSource = `
  import { getAsset } from 'node:sea';
  import { Worker } from 'node:worker_threads';
  import { getHeapStatistics } from 'node:v8';
  const worker = new Worker(getAsset('worker.js', 'utf8'), { eval: true });
  worker.on('message', async (answer) => {
    const { late } = await import('./late.ts');
    const heapMiB = Math.round(getHeapStatistics().heap_size_limit / 2 ** 20);
    console.log(JSON.stringify({ answer, late, heapMiB, args: process.argv.slice(2) }));
    await worker.terminate();
  });
`;

test('an executable is the same each time, holds program, worker and a lazy module, and ignores NODE_OPTIONS', async (t) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'executable-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const entries = { main: path.join(dir, 'main.ts'), worker: path.join(dir, 'worker.ts') };
  await writeFile(entries.main, mainSource);
  await writeFile(path.join(dir, 'late.ts'), `export const late: string = 'loaded';`);
  await writeFile(
    entries.worker,
    `import { parentPort } from 'node:worker_threads'; parentPort?.postMessage('from the worker');`,
  );
  const target = path.join(dir, 'out', 'plugin');
  const arch = machineArch();

  await buildExecutable(await bundleServer(entries), target, { arch, release: false });
  const again = `${target}-again`;
  await buildExecutable(await bundleServer(entries), again, { arch, release: false });

  assert.ok(
    (await readFile(target)).equals(await readFile(again)),
    'two builds are the same bytes',
  );
  assert.equal((await stat(target)).mode & 0o777, 0o755);
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=77 --inspect=0' };
  const { stdout, stderr } = await promisify(execFile)(target, [], { env });
  assert.equal(stderr, '', 'no debugger listens');
  const seen: unknown = JSON.parse(stdout);
  assert.ok(typeof seen === 'object' && seen !== null && 'heapMiB' in seen);
  assert.ok(Number(seen.heapMiB) > 1000, `heap limit of ${String(seen.heapMiB)} MiB`);
  assert.deepEqual(
    { ...seen, heapMiB: 0 },
    {
      answer: 'from the worker',
      late: 'loaded',
      heapMiB: 0,
      args: [],
    },
  );
});

/** Answers each line with one of its own, after whatever a signal has begun had its turn. */
const answeringSource = `
  process.stdin.on('data', () => setTimeout(() => console.log('alive'), 100));
  console.log('ready');
`;

test('no signal makes an executable listen for a debugger', async (t) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'executable-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const entries = { main: path.join(dir, 'main.ts'), worker: path.join(dir, 'worker.ts') };
  await writeFile(entries.main, answeringSource);
  await writeFile(entries.worker, '');
  const target = path.join(dir, 'plugin');
  await buildExecutable(await bundleServer(entries), target, {
    arch: machineArch(),
    release: false,
  });
  const child = spawn(target, { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let complaint = '';
  child.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
  await once(child.stdout, 'data');

  child.kill('SIGUSR1');
  child.stdin.write('\n');
  await once(child.stdout, 'data');

  assert.deepEqual(await listeningSockets(child.pid ?? 0), []);
  assert.equal(complaint, '');
});

/** The lines of /proc/net/tcp and tcp6 that are sockets of `pid` in the state LISTEN (0A). */
async function listeningSockets(pid: number): Promise<string[]> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(
    fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
  );
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')),
  );
  return tables
    .flatMap((table) => table.split('\n'))
    .filter((line) => {
      const fields = line.trim().split(/\s+/);
      return fields[3] === '0A' && inodes.has(fields[9]);
    });
}

test('the loader tries the libraries of the system before the shipped ones', () => {
  const dirs = runPath('arm64').split(':');
  assert.equal(dirs[0], '/lib/aarch64-linux-gnu');
  assert.equal(dirs.at(-1), '$ORIGIN/lib/linux-arm64');
});
