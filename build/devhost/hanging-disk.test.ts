// A network mount whose server is gone: calls to it do not return. A FIFO without a writer does that
// to whoever opens it. The real executable goes on with everything else, and ends when it is told to.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';

import { STORE_BLOCKS_DIR } from '../../server/src/filestore/layout.ts';
import { POOL_THREADS } from '../../server/src/platform/pool-size.ts';
import { isAlive } from '../support/processes.ts';
import { temporaryDir } from '../support/temporary.ts';
import { waitUntil } from '../support/wait.ts';
import { pluginJson, skipWithoutExecutable, startTestHost, type TestHost } from './test-support.ts';

/** From the call of OnDeactivate to the end of the process, in the host. */
const STOP_MAX_MS = 10_000;
const BLOCKS = ['1', '2', '3', '4', '5', '6'].map((last) => `01JD000000000000000000000${last}`);

interface Status {
  readonly head: { samples: number };
  readonly scraper: { state: string };
}

/** Blocks whose meta.json never opens. */
function hangingBlocks(folder: string): void {
  for (const ulid of BLOCKS) {
    mkdirSync(path.join(folder, ulid), { recursive: true });
    execFileSync('mkfifo', [path.join(folder, ulid, 'meta.json')]);
  }
}

async function samples({ host }: TestHost): Promise<number> {
  return (await pluginJson<Status>(host, '/status')).head.samples;
}

/** Stops the plugin in its host and returns how long that took. */
async function stopMs({ host }: TestHost): Promise<number> {
  const { pid } = host.supervisor;
  assert.ok(pid !== undefined);
  const startMs = performance.now();
  await host.close();
  assert.ok(!isAlive(pid));
  return performance.now() - startMs;
}

suite('a disk that hangs', { skip: skipWithoutExecutable }, () => {
  test('in the file store: metrics are collected all the same, and a stop keeps to its time', async () => {
    const stateDir = temporaryDir('hanging-store');
    hangingBlocks(path.join(stateDir, 'files', STORE_BLOCKS_DIR));
    const running = await startTestHost({ stateDir });
    try {
      // More routes that read the store than there are threads for file calls.
      const asking = Array.from({ length: 6 }, () =>
        pluginJson(running.host, '/tsdb/stats').catch(() => 'the plugin was stopped'),
      );
      const before = await waitUntil('samples are stored', () => samples(running));
      await waitUntil(
        'more samples are stored',
        async () => (await samples(running)) > before + 50,
      );
      const tookMs = await stopMs(running);
      assert.ok(tookMs < STOP_MAX_MS, `the stop took ${tookMs} ms`);
      await Promise.all(asking);
    } finally {
      await running.host.close();
    }
  });

  test('in the file store: SIGTERM ends the process', async () => {
    const stateDir = temporaryDir('hanging-store');
    hangingBlocks(path.join(stateDir, 'files', STORE_BLOCKS_DIR));
    const running = await startTestHost({ stateDir });
    try {
      void pluginJson(running.host, '/tsdb/stats').catch(() => undefined);
      await waitUntil('samples are stored', () => samples(running));
      const { pid } = running.host.supervisor;
      assert.ok(pid !== undefined);
      process.kill(pid, 'SIGTERM');
      await waitUntil('the process has ended', () => !isAlive(pid), STOP_MAX_MS);
    } finally {
      await running.host.close();
    }
  });

  test('under the database: the plugin answers, reads the file store, and a stop keeps to its time', async () => {
    const stateDir = temporaryDir('hanging-database');
    hangingBlocks(path.join(stateDir, 'mattermost-plugin-metrics', 'data'));
    const running = await startTestHost({ stateDir });
    try {
      const { host } = running;
      const { scraper } = await pluginJson<Status>(host, '/status');
      assert.equal(scraper.state, 'starting');
      // Asks the file store, whose calls are made apart from those of the database.
      await pluginJson(host, '/tsdb/stats');
      assert.ok(readdirSync(`/proc/${host.supervisor.pid}/task`).length > POOL_THREADS);
      const tookMs = await stopMs(running);
      assert.ok(tookMs < STOP_MAX_MS, `the stop took ${tookMs} ms`);
    } finally {
      await running.host.close();
    }
  });
});
