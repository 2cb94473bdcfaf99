import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
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

test('an executable holds the program, its worker and a lazy module, and ignores NODE_OPTIONS', async (t) => {
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

  assert.equal((await stat(target)).mode & 0o777, 0o755);
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=77' };
  const { stdout } = await promisify(execFile)(target, [], { env });
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

test('the loader tries the libraries of the system before the shipped ones', () => {
  const dirs = runPath('arm64').split(':');
  assert.equal(dirs[0], '/lib/aarch64-linux-gnu');
  assert.equal(dirs.at(-1), '$ORIGIN/lib/linux-arm64');
});
