import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

// A disk of the machine's own kernel that is really full, and one that becomes read-only.

const SCRIPT = join(import.meta.dirname, 'support', 'on-small-disk.ts');
/** Mounts a small disk in a name space of its own, where nobody needs to be root. */
const ON_SMALL_DISK = 'mount -t tmpfs -o size=6m none "$0" && exec "$@"';

test('a full disk and a read-only one lose nothing that was acknowledged', (context) => {
  const disk = mkdtempSync(join(tmpdir(), 'small-disk-'));
  const onSmallDisk = (...command: string[]): { status: number | null; output: string } => {
    const args = ['--map-root-user', '--mount', 'sh', '-c', ON_SMALL_DISK, disk, ...command];
    const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };
  try {
    if (onSmallDisk('true').status !== 0) {
      context.skip('this machine lets nobody mount a disk in a name space of its own');
      return;
    }
    const { status, output } = onSmallDisk(process.execPath, SCRIPT, disk);
    assert.equal(status, 0, output);
    assert.equal(output, '', 'a file was not closed, or something else to warn of');
  } finally {
    rmSync(disk, { recursive: true, force: true });
  }
});
