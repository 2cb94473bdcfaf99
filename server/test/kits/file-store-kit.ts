import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listTree, readSmallFile, sourceOf } from '../../src/filestore/file-store.ts';
import type { ByteSource, FileStore } from '../../src/filestore/file-store.ts';

const SMALL_MAX = 1024 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * What every file store driver must do, run against an empty store.
 *
 * @param open makes a fresh empty store; the caller cleans up
 */
export function fileStoreKit(driver: string, open: () => Promise<FileStore>): void {
  describe(`file store compliance: ${driver}`, () => {
    it('gives back what was written, also empty files and files of several MiB', async () => {
      const store = await open();
      const big = new Uint8Array(3 * 1024 * 1024 + 17);
      for (let i = 0; i < big.length; i++) big[i] = (i * 31) & 0xff;
      for (const bytes of [new Uint8Array(0), encoder.encode('x'), big]) {
        assert.equal(await store.write('a/b/file', sourceOf(bytes)), bytes.length);
        assert.equal((await store.stat('a/b/file'))?.sizeBytes, bytes.length);
        const read = await readSmallFile(store, 'a/b/file', big.length);
        assert.ok(equalBytes(read, bytes));
      }
    });

    it('reads a range, and nothing for an empty one', async () => {
      const store = await open();
      await store.write('f', sourceOf(encoder.encode('0123456789')));
      assert.equal(await text(store.read('f', { start: 2, end: 5 })), '234');
      assert.equal(await text(store.read('f', { start: 9, end: 10 })), '9');
      assert.equal(await text(store.read('f', { start: 4, end: 4 })), '');
    });

    it('hands over pieces that the consumer may keep', async () => {
      const store = await open();
      const big = new Uint8Array(2 * 1024 * 1024);
      for (let i = 0; i < big.length; i++) big[i] = i % 251;
      await store.write('f', sourceOf(big));
      const kept: Uint8Array[] = [];
      for await (const piece of store.read('f')) kept.push(piece);
      let offset = 0;
      for (const piece of kept) {
        assert.ok(equalBytes(piece, big.subarray(offset, offset + piece.length)));
        offset += piece.length;
      }
      assert.equal(offset, big.length);
    });

    it('hands over borrowed pieces that hold while the next one is fetched', async () => {
      const store = await open();
      const big = new Uint8Array(3 * 1024 * 1024 + 17);
      for (let i = 0; i < big.length; i++) big[i] = i % 251;
      await store.write('f', sourceOf(big));
      const pieces = store.read('f', { start: 1, end: big.length }, 'borrowed');
      let previous: Uint8Array = new Uint8Array(0);
      let offset = 1;
      for await (const piece of pieces) {
        assert.ok(equalBytes(previous, big.subarray(offset - previous.length, offset)));
        assert.ok(equalBytes(piece, big.subarray(offset, offset + piece.length)));
        offset += piece.length;
        previous = piece;
      }
      assert.equal(offset, big.length);
    });

    it('says that a missing file is missing', async () => {
      const store = await open();
      await store.write('dir/f', sourceOf(encoder.encode('x')));
      for (const path of ['nope', 'dir/nope', 'nope/f']) {
        assert.equal(await store.stat(path), undefined);
        await assert.rejects(text(store.read(path)), { code: 'ERR_FILESTORE_NOT_FOUND' });
      }
      assert.equal(await store.stat('dir'), undefined, 'a folder is not a file');
    });

    it('lists files and folders by name, and a missing folder as empty', async () => {
      const store = await open();
      for (const path of ['d/b', 'd/a', 'd/sub/x', 'd2/y']) {
        await store.write(path, sourceOf(encoder.encode(path)));
      }
      assert.deepEqual(
        (await store.list('d')).map(({ name, isDirectory }) => [name, isDirectory]),
        [
          ['a', false],
          ['b', false],
          ['sub', true],
        ],
      );
      assert.deepEqual(await store.list('missing'), []);
      const tree = await listTree(store, 'd');
      assert.deepEqual(
        tree.map(({ path, sizeBytes }) => [path, sizeBytes]),
        [
          ['a', 3],
          ['b', 3],
          ['sub/x', 7],
        ],
      );
    });

    it('removes by whole names: x never takes xy with it', async () => {
      const store = await open();
      for (const path of ['x/1', 'x/sub/2', 'xy/3', 'x1']) {
        await store.write(path, sourceOf(encoder.encode(path)));
      }
      await store.removeTree('x');
      assert.deepEqual(await store.list('x'), []);
      assert.equal((await store.stat('xy/3'))?.sizeBytes, 4);
      assert.equal((await store.stat('x1'))?.sizeBytes, 2);
      await store.remove('x1');
      assert.equal(await store.stat('x1'), undefined);
      await store.remove('x1');
      await store.removeTree('x');
    });

    it('keeps the old file when the source of a new one fails, and lists nothing half-written', async () => {
      const store = await open();
      await store.write('d/f', sourceOf(encoder.encode('old')));
      const reason = new Error('the source broke');
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(100_000);
        assert.equal((await store.list('d')).length, 1, 'a temporary file was listed');
        throw reason;
      }
      await assert.rejects(store.write('d/f', broken()), (error) => error === reason);
      await assert.rejects(store.write('d/new', broken()), (error) => error === reason);
      assert.equal(decoder.decode(await readSmallFile(store, 'd/f', SMALL_MAX)), 'old');
      assert.deepEqual(
        (await store.list('d')).map(({ name }) => name),
        ['f'],
      );
    });

    it('lets the last of several writers win with a whole file', async () => {
      const store = await open();
      const writers = ['aaaa', 'bbbb', 'cccc'].map(async (word) => {
        async function* slowly(): AsyncGenerator<Uint8Array> {
          for (const letter of word) {
            await Promise.resolve();
            yield encoder.encode(letter);
          }
        }
        await store.write('f', slowly());
      });
      await Promise.all(writers);
      assert.match(await text(store.read('f')), /^(aaaa|bbbb|cccc)$/);
    });

    it('refuses every path that is not a clean relative one', async () => {
      const store = await open();
      const bad = ['', '/', '/etc/passwd', '..', '../x', 'a/../../x', 'a//b', 'a/', './a', 'a\\b'];
      bad.push('a\0b', 'x'.repeat(201), 'long/'.repeat(200) + 'x');
      for (const path of bad) {
        const code = { code: 'ERR_FILESTORE_PATH' };
        await assert.rejects(store.list(path), code, `list ${path}`);
        await assert.rejects(store.stat(path), code, `stat ${path}`);
        await assert.rejects(async () => text(store.read(path)), code, `read ${path}`);
        await assert.rejects(store.write(path, sourceOf(new Uint8Array(1))), code, `write ${path}`);
        await assert.rejects(store.remove(path), code, `remove ${path}`);
        await assert.rejects(store.removeTree(path), code, `removeTree ${path}`);
      }
    });

    it('stops a small read at its limit', async () => {
      const store = await open();
      await store.write('f', sourceOf(new Uint8Array(1000)));
      await assert.rejects(readSmallFile(store, 'f', 999), { code: 'ERR_FILESTORE_TOO_LARGE' });
      assert.equal((await readSmallFile(store, 'f', 1000)).length, 1000);
    });
  });
}

async function text(source: ByteSource): Promise<string> {
  let result = '';
  for await (const piece of source) result += decoder.decode(piece);
  return result;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
