import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { silentLogger } from '../src/base/log.ts';
import { LocalFileStore } from '../src/filestore/local-file-store.ts';
import { sourceOf } from '../src/filestore/file-store.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { LeavableFs } from '../src/platform/leavable-fs.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { movingStore, watchedStore } from '../src/plugin/watched-store.ts';
import { Watchdog } from '../src/services/health/watchdog.ts';
import { fileStoreKit } from './kits/file-store-kit.ts';
import { MemoryFileStore } from './support/memory-file-store.ts';

const base = mkdtempSync(join(tmpdir(), 'file-stores-'));
after(() => rmSync(base, { recursive: true, force: true }));
let count = 0;

function openLocal(): { root: string; store: LocalFileStore } {
  const root = join(base, `store-${count++}`);
  return { root, store: new LocalFileStore({ fs: diskFs, root, nowMs: Date.now }) };
}

fileStoreKit('memory (the tests’ own)', async () => new MemoryFileStore());
fileStoreKit('local', async () => openLocal().store);
fileStoreKit('local, watched', async () => {
  const watchdog = new Watchdog(systemClock, silentLogger);
  const part = { limitMs: () => 30_000, report: () => {} };
  return movingStore(watchedStore(openLocal().store, watchdog, part), () => {});
});

fileStoreKit('local, with calls that can be left', async () => {
  const root = join(base, `store-${count++}`);
  return new LocalFileStore({ fs: new LeavableFs(diskFs), root, nowMs: Date.now });
});

describe('the local file store', () => {
  it('makes folders 0750 and files 0600, and nothing at all before the first write', async () => {
    const { root, store } = openLocal();
    assert.deepEqual(await store.list('a'), []);
    assert.equal(existsSync(root), false);
    await store.write('a/b/f', sourceOf(new Uint8Array(3)));
    assert.equal(statSync(join(root, 'a/b')).mode & 0o777, 0o750);
    assert.equal(statSync(join(root, 'a/b/f')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(root, 'a/b')), ['f']);
  });

  it('removes what a killed process left, but not what is being written', async () => {
    const { root, store } = openLocal();
    await store.write('d/f', sourceOf(new Uint8Array(1)));
    const old = join(root, 'd/.f.tmp-old');
    const fresh = join(root, 'd/.f.tmp-fresh');
    writeFileSync(old, 'x');
    writeFileSync(fresh, 'x');
    utimesSync(old, new Date(0), new Date(0));
    await store.removeLeftovers('d');
    await store.removeLeftovers('not-there');
    assert.deepEqual(readdirSync(join(root, 'd')).sort(), ['.f.tmp-fresh', 'f']);
    assert.deepEqual(
      (await store.list('d')).map(({ name }) => name),
      ['f'],
    );
  });

  it('says so when its folder cannot be made', async () => {
    writeFileSync(join(base, 'a-file'), '');
    const root = join(base, 'a-file/store');
    const store = new LocalFileStore({ fs: diskFs, root, nowMs: Date.now });
    await assert.rejects(store.write('f', sourceOf(new Uint8Array(1))), (error: Error) => {
      assert.match(error.message, /^the file store could not prepare the folder of a file/);
      return true;
    });
  });
});
