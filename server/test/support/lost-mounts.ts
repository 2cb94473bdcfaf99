// Run by lost-folder.test.ts in a mount namespace of its own, with a folder to mount in.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { CodedError } from '../../src/base/errors.ts';
import { WatchedDb } from './watched-db.ts';

const [root = ''] = process.argv.slice(2);
const mount = (...args: string[]): void => void execFileSync('mount', args);

async function assertKept(db: WatchedDb): Promise<void> {
  const found = await db.afterKill();
  for (const [series, samples] of db.stored) {
    for (const [timeMs, bits] of samples) assert.equal(found.get(series)?.get(timeMs), bits);
  }
}

// Another volume over the folder.
const over = new WatchedDb(join(root, 'over'));
await over.open();
await over.scrape(100);
mount('-t', 'tmpfs', 'none', over.dir);
await over.scrape(2);
assert.equal((await over.db.keepPlace())[0]?.kind, 'folder');
await over.scrape(2);
await assertKept(over);

// And away again: what it covered is there as it was left.
execFileSync('umount', ['-l', over.dir]);
await over.scrape(2);
assert.equal((await over.db.keepPlace())[0]?.kind, 'folder');
await over.scrape(2);
await over.db.close();

// A volume that is read-only for a while: what it refuses is not acknowledged, the rest is kept.
const readOnly = new WatchedDb(join(root, 'read-only'));
await readOnly.open();
await readOnly.scrape(100);
mount('--bind', readOnly.dir, readOnly.dir);
mount('-o', 'remount,bind,ro', readOnly.dir);
await assert.rejects(readOnly.db.flush(), CodedError);
// It is noticed although nothing is gone.
await assert.rejects(readOnly.db.keepPlace(), { code: 'ERR_FS_DENIED' });
// The open file of the log is not on the read-only mount.
await readOnly.scrape(3);
execFileSync('umount', ['-l', readOnly.dir]);
assert.deepEqual(await readOnly.db.keepPlace(), []);
await readOnly.db.flush();
await readOnly.scrape(3);
await assertKept(readOnly);
await readOnly.db.close();
