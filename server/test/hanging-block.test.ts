// A file of the local database hangs, as on a disk with a bad sector.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import type { Fs } from '../src/base/ports/fs.ts';
import { blockDirOf } from '../src/filestore/layout.ts';
import { makeUlid } from '../src/model/ulid.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { LeavableFs } from '../src/platform/leavable-fs.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { ask, askJson, until } from './support/ask.ts';
import { FakeHost } from './support/fake-host.ts';
import { makeBlock } from './support/make-block.ts';
import { startRealPlugin } from './support/real-plugin.ts';

const HOUR_MS = 3_600_000;

test('a local block that hangs is told, and the others are stored', async () => {
  const base = mkdtempSync(join(tmpdir(), 'hanging-block-'));
  const [dir, files] = [join(base, 'tsdb'), join(base, 'files')];
  const endMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const ulids: string[] = [];
  for (const hoursAgo of [6, 4]) {
    const fromMs = endMs - hoursAgo * HOUR_MS;
    const ulid = makeUlid(fromMs);
    const series = [{ labels: { __name__: 'x' }, samples: [[fromMs, 1]] as const }];
    await makeBlock(diskFs, dir, ulid, [fromMs, fromMs + 2 * HOUR_MS], series);
    ulids.push(ulid);
  }
  const hanging = join(dir, ulids[0], 'index');
  const open: Fs['open'] = (path, mode) =>
    path === hanging ? new Promise(() => {}) : diskFs.open(path, mode);
  const settings = { dbpath: dir, enablenodeexportertargets: false };
  const host = new FakeHost(
    { metricsListenAddress: '127.0.0.1:1', fileDirectory: files },
    settings,
  );
  const leavable = (): LeavableFs => new LeavableFs({ ...diskFs, open }, { callTimeoutMs: 1_000 });
  const plugin = startRealPlugin(host, systemClock, leavable);
  try {
    await until('the block behind it is stored', () =>
      existsSync(join(files, blockDirOf(ulids[1]), 'meta.json')),
    );
    interface Status {
      readonly warnings: readonly { readonly code: string; readonly message: string }[];
    }
    await until('it is told', async () => {
      const { warnings } = await askJson<Status>(plugin.api, 'GET', '/status');
      const failing = warnings.find(({ code }) => code === 'sync_failing');
      return failing?.message.includes(`does not answer`) === true;
    });
    assert.equal((await ask(plugin.api, 'GET', '/jobs')).status, 200);
  } finally {
    await plugin.stop();
    rmSync(base, { recursive: true, force: true });
  }
});
