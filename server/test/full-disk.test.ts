import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { hasNamespaces } from './support/tools.ts';

// A disk of the machine's own kernel that is really full, and one that becomes read-only.

const SCRIPT = join(import.meta.dirname, 'support', 'on-small-disk.ts');
/** Mounts a small disk in a name space of its own, where nobody needs to be root. */
const ON_SMALL_DISK = 'mount -t tmpfs -o size=6m none "$0" && exec "$@"';

test('a full disk and a read-only one lose nothing that was acknowledged', (context) => {
  const disk = mkdtempSync(join(tmpdir(), 'small-disk-'));
  const onSmallDisk = ['--map-root-user', '--mount', 'sh', '-c', ON_SMALL_DISK, disk];
  try {
    if (!hasNamespaces(context, onSmallDisk)) return;
    const command = [...onSmallDisk, process.execPath, SCRIPT, disk];
    const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stdout + stderr, '', 'a file was not closed, or something else to warn of');
  } finally {
    rmSync(disk, { recursive: true, force: true });
  }
});
