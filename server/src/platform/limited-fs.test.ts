import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MemoryFs } from '../../test/support/memory-fs.ts';
import { hasCode } from '../base/errors.ts';
import type { Fs } from '../base/ports/fs.ts';
import { DATABASE_CALLS_MAX, limitedFs } from './limited-fs.ts';

/** A disk on which `stat` takes until `end` is called. */
function slowDisk() {
  const disk = new MemoryFs();
  const ends: (() => void)[] = [];
  const fs: Fs = {
    open: (path, mode) => disk.open(path, mode),
    readFile: (path) => disk.readFile(path),
    list: (dir) => disk.list(dir),
    stat: async (path) => {
      await new Promise<void>((resolve) => ends.push(resolve));
      return disk.stat(path);
    },
    makeDir: (dir) => disk.makeDir(dir),
    rename: (from, to) => disk.rename(from, to),
    syncDir: (dir) => disk.syncDir(dir),
    remove: (path) => disk.remove(path),
    removeTree: (path) => disk.removeTree(path),
    freeBytes: (path) => disk.freeBytes(path),
    lockDir: (dir) => disk.lockDir(dir),
  };
  return { fs, ends };
}

describe('a disk with few calls at a time', () => {
  it('makes the others in turn', async () => {
    const { fs, ends } = slowDisk();
    const limited = limitedFs(fs);
    const calls = Array.from({ length: DATABASE_CALLS_MAX + 3 }, () => limited.stat('f'));
    assert.equal(ends.length, DATABASE_CALLS_MAX);
    for (let i = 0; i < calls.length; i++) {
      ends[i]?.();
      await calls[i];
    }
    assert.equal(ends.length, calls.length);
  });

  it('refuses those whose turn does not come, but writes the log', async () => {
    const { fs, ends } = slowDisk();
    const limited = limitedFs(fs, 50);
    const log = await limited.open('log', 'log');
    const stuck = Array.from({ length: DATABASE_CALLS_MAX }, () => limited.stat('f'));
    const hangs = (error: unknown): boolean => hasCode(error, 'ERR_FS_HANGING');
    await assert.rejects(limited.stat('f'), hangs);
    await assert.rejects(limited.open('f', 'create'), hangs);
    await log.write(new Uint8Array(10), 0);
    for (const end of ends) end();
    await Promise.all(stuck);
    await (await limited.open('f', 'create')).close();
  });
});
