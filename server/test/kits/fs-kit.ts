import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CodedError } from '../../src/base/errors.ts';
import { type Fs, makeDirDurably, renameDurably } from '../../src/base/ports/fs.ts';

/** What every `Fs` must do. `makeRoot` gives a new empty folder of a new or shared `Fs`. */
export function fsKit(title: string, makeRoot: () => Promise<{ fs: Fs; root: string }>): void {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
  const coded = (code: string) => (error: unknown) =>
    error instanceof CodedError && error.code === code;

  async function write(fs: Fs, path: string, value: string): Promise<void> {
    const file = await fs.open(path, 'create');
    await file.write(bytes(value));
    await file.sync();
    await file.close();
  }

  describe(title, () => {
    it('writes, syncs and reads a file back', async () => {
      const { fs, root } = await makeRoot();
      await write(fs, `${root}/a`, 'hello');
      assert.equal(text(await fs.readFile(`${root}/a`)), 'hello');
      const stat = await fs.stat(`${root}/a`);
      assert.equal(stat?.sizeBytes, 5);
      assert.equal(stat?.isDirectory, false);
    });

    it('empties a file opened with create, keeps one opened with append or update', async () => {
      const { fs, root } = await makeRoot();
      await write(fs, `${root}/a`, 'first');
      await write(fs, `${root}/a`, 'x');
      const appended = await fs.open(`${root}/a`, 'append');
      await appended.write(bytes('yz'));
      await appended.close();
      assert.equal(text(await fs.readFile(`${root}/a`)), 'xyz');
      const updated = await fs.open(`${root}/a`, 'update');
      await updated.write(bytes('Y'), 1);
      await updated.write(bytes('!'));
      assert.equal(await updated.size(), 4);
      await updated.close();
      assert.equal(text(await fs.readFile(`${root}/a`)), 'xYz!');
    });

    it('makes a new file once', async () => {
      const { fs, root } = await makeRoot();
      const file = await fs.open(`${root}/a`, 'new');
      await file.write(bytes('abc'));
      await file.close();
      await assert.rejects(fs.open(`${root}/a`, 'new'), coded('ERR_FS_EXISTS'));
      assert.equal(text(await fs.readFile(`${root}/a`)), 'abc');
    });

    it('empties a file opened as a log, and writes where it is told', async () => {
      const { fs, root } = await makeRoot();
      await write(fs, `${root}/a`, 'first');
      const log = await fs.open(`${root}/a`, 'log');
      await log.write(bytes('abc'), 0);
      await log.write(bytes('def'), 3);
      await log.truncate(4);
      await log.write(bytes('E'), 4);
      await log.close();
      assert.equal(text(await fs.readFile(`${root}/a`)), 'abcdE');
    });

    it('reads less than asked for only at the end', async () => {
      const { fs, root } = await makeRoot();
      await write(fs, `${root}/a`, '0123456789');
      const file = await fs.open(`${root}/a`, 'read');
      const into = new Uint8Array(4);
      assert.equal(await file.read(into, 2), 4);
      assert.equal(text(into), '2345');
      assert.equal(await file.read(into, 8), 2);
      assert.equal(await file.read(into, 10), 0);
      assert.equal(await file.read(into, 99), 0);
      await file.close();
    });

    it('cuts a file, and goes on behind the cut', async () => {
      const { fs, root } = await makeRoot();
      const file = await fs.open(`${root}/a`, 'create');
      await file.write(bytes('0123456789'));
      await file.truncate(3);
      await file.write(bytes('x'));
      await file.close();
      assert.equal(text(await fs.readFile(`${root}/a`)), '012x');
    });

    it('lists by bytes, with folders marked', async () => {
      const { fs, root } = await makeRoot();
      await fs.makeDir(`${root}/b/inner`);
      for (const name of ['a', 'B', 'ä', '0']) await write(fs, `${root}/${name}`, '');
      assert.deepEqual(await fs.list(root), [
        { name: '0', isDirectory: false },
        { name: 'B', isDirectory: false },
        { name: 'a', isDirectory: false },
        { name: 'b', isDirectory: true },
        { name: 'ä', isDirectory: false },
      ]);
    });

    it('renames over a file, and a folder to a free name', async () => {
      const { fs, root } = await makeRoot();
      await write(fs, `${root}/a`, 'new');
      await write(fs, `${root}/b`, 'old');
      await renameDurably(fs, `${root}/a`, `${root}/b`);
      assert.equal(text(await fs.readFile(`${root}/b`)), 'new');
      await makeDirDurably(fs, `${root}/d1/in`);
      await renameDurably(fs, `${root}/d1`, `${root}/d2`);
      assert.equal((await fs.stat(`${root}/d2/in`))?.isDirectory, true);
      assert.equal(await fs.stat(`${root}/d1`), undefined);
      await fs.makeDir(`${root}/d3/in`);
      await assert.rejects(fs.rename(`${root}/d2`, `${root}/d3`), coded('ERR_FS_EXISTS'));
    });

    it('makes folders twice and removes what is missing without complaint', async () => {
      const { fs, root } = await makeRoot();
      await fs.makeDir(`${root}/x/y`);
      await fs.makeDir(`${root}/x/y`);
      await write(fs, `${root}/x/y/f`, 'f');
      await fs.removeTree(`${root}/x`);
      await fs.removeTree(`${root}/x`);
      await fs.remove(`${root}/x`);
      assert.equal(await fs.stat(`${root}/x`), undefined);
      await write(fs, `${root}/f`, '');
      assert.equal(await fs.stat(`${root}/f/below-a-file`), undefined);
    });

    it('names what is missing', async () => {
      const { fs, root } = await makeRoot();
      const missing = `${root}/none`;
      await assert.rejects(fs.open(missing, 'read'), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.open(missing, 'update'), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.open(`${missing}/a`, 'create'), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.readFile(missing), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.list(missing), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.rename(missing, `${root}/a`), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.syncDir(missing), coded('ERR_FS_NOT_FOUND'));
      await assert.rejects(fs.lockDir(missing), coded('ERR_FS_NOT_FOUND'));
    });

    it('locks a folder once at a time', async () => {
      const { fs, root } = await makeRoot();
      await fs.makeDir(`${root}/db`);
      const lock = await fs.lockDir(`${root}/db`);
      await assert.rejects(fs.lockDir(`${root}/db`), coded('ERR_FS_LOCKED'));
      await lock.release();
      await lock.release();
      await (await fs.lockDir(`${root}/db`)).release();
    });

    it('knows whether a locked folder is where it was', async () => {
      const { fs, root } = await makeRoot();
      await fs.makeDir(`${root}/db`);
      const lock = await fs.lockDir(`${root}/db`);
      assert.equal(await lock.check(), 'held');
      await fs.rename(`${root}/db`, `${root}/elsewhere`);
      assert.equal(await lock.check(), 'moved');
      await assert.rejects(fs.lockDir(`${root}/elsewhere`), coded('ERR_FS_LOCKED'));
      await fs.makeDir(`${root}/db`);
      assert.equal(await lock.check(), 'moved');
      const second = await fs.lockDir(`${root}/db`);
      await lock.release();
      assert.equal(await second.check(), 'held');
      await second.release();
    });

    it('knows how much room is left', async () => {
      const { fs, root } = await makeRoot();
      assert.ok((await fs.freeBytes(root)) > 0);
    });
  });
}
