// Whatever hangs (look-ups, the disk of the database, the file store), the others go on, and the process
// ends at once. Each case is a process of its own, with the pool of the plugin.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { POOL_THREADS } from '../src/platform/pool-size.ts';
import { hasNamespaces } from './support/tools.ts';

const TOOL = join(import.meta.dirname, '..', 'src', 'tool.ts');
const EXIT_PROCESS = join(import.meta.dirname, '..', 'src', 'platform', 'exit-process.ts');
const SCRIPT = join(import.meta.dirname, 'support', 'on-hanging-machine.ts');
/** glibc reads this file for every look-up, here one that never opens. */
const WITH_HANGING_LOOKUPS = 'mount --bind "$0" /etc/hosts && exec "$@"';

function withFolder(action: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'hanging-machine-'));
  try {
    action(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function check(what: string, dir: string, before: readonly string[] = []): void {
  const [program = '', ...args] = [...before, process.execPath, SCRIPT, what, dir];
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(POOL_THREADS) };
  // Without the exit that waits for nothing it would not end at all.
  const options = { env, encoding: 'utf8', timeout: 60_000, killSignal: 'SIGTERM' } as const;
  const { signal, stdout, stderr } = spawnSync(program, args, options);
  assert.equal(stdout, `well although ${what} hangs\n`, stderr);
  assert.equal(signal, 'SIGKILL', 'it did not end itself');
}

test('a signal ends the command-line tool although its disk hangs', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hanging-machine-'));
  try {
    const block = join(dir, '01JD0000000000000000000001');
    mkdirSync(block);
    execFileSync('mkfifo', [join(block, 'meta.json')]);
    const tool = spawn(process.execPath, [TOOL, 'list', dir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(tool, 'exit');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(tool.exitCode, null, 'the disk does not hang');
    const startMs = performance.now();
    tool.kill('SIGTERM');
    await exited;
    assert.ok(performance.now() - startMs < 15_000);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

for (const what of ['database', 'store']) {
  test(`a ${what} that hangs leaves the rest working`, () => {
    withFolder((dir) => check(what, dir));
  });
}

test('look-ups that hang leave the rest working', (context) => {
  withFolder((dir) => {
    const fifo = join(dir, 'hosts');
    execFileSync('mkfifo', [fifo]);
    const namespaces = ['--map-root-user', '--mount', 'sh', '-c', WITH_HANGING_LOOKUPS, fifo];
    if (hasNamespaces(context, namespaces)) check('look-ups', dir, ['unshare', ...namespaces]);
  });
});

test('a process that is to end does so within half a second, whatever its threads are at', () => {
  withFolder((dir) => {
    const fifo = join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const script = `
      import { open } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      import { exitProcess } from ${JSON.stringify(EXIT_PROCESS)};
      const never = { close: () => new Promise(() => {}) };
      const hang = {
        nothing: () => [],
        disk: () => open(${JSON.stringify(fifo)}, 'r', () => {}) ?? [],
        thread: () => (new Worker('for (;;);', { eval: true }), [never]),
      };
      const threads = hang[process.argv[1]]();
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log(Date.now());
      await exitProcess(3, threads);
    `;
    for (const what of ['nothing', 'disk', 'thread']) {
      const args = ['--input-type=module', '-e', script, what];
      const { status, signal, stdout } = spawnSync(process.execPath, args, {
        encoding: 'utf8',
        timeout: 60_000,
        killSignal: 'SIGTERM',
      });
      const tookMs = Date.now() - Number.parseInt(stdout, 10);
      // The host kills after 2 s.
      assert.ok(tookMs < 2_000, `${what}: ${tookMs} ms`);
      if (what === 'nothing') assert.equal(status, 3);
      else assert.equal(signal, 'SIGKILL', what);
    }
  });
});
