import assert from 'node:assert/strict';
import { it } from 'node:test';

import { CodedError, describeError } from '../../server/src/base/errors.ts';
import { sourceOf } from '../../server/src/filestore/file-store.ts';
import type { FileStore } from '../../server/src/filestore/file-store.ts';
import { fileStoreKit } from '../../server/test/kits/file-store-kit.ts';
import { bytesOf, inPieces, patterned } from './s3/bytes.ts';

const MIB = 2 ** 20;
/** More than a page of any store. */
const MANY = 1_030;
const AT_ONCE = 50;

export interface BucketStoreKit<Change> {
  readonly name: string;
  /** A store with a prefix of its own, and settings that are changed. */
  readonly open: (change?: Partial<Change>) => FileStore;
  readonly partSizeBytes: number;
  /** Settings that are wrong, by what the store is then said to lack. */
  readonly wrong: () => readonly (readonly [Partial<Change>, string, RegExp])[];
  /** What no error may tell. */
  readonly secret: string;
}

/** What holds for every store that keeps files as objects of a bucket behind a network. */
export function bucketStoreKit<Change>(kit: BucketStoreKit<Change>): void {
  const { name, open, partSizeBytes, wrong, secret } = kit;
  fileStoreKit(name, async () => open());

  void it('stores files of many parts and exactly full ones, and reads any range of them', async () => {
    const store = open();
    for (const sizeBytes of [1, 2, 3.4].map((parts) => Math.round(parts * partSizeBytes))) {
      const bytes = patterned(sizeBytes);
      assert.equal(await store.write('big', inPieces(bytes, 100_003)), sizeBytes);
      assert.equal((await store.stat('big'))?.sizeBytes, sizeBytes);
      const start = partSizeBytes - 10;
      const read = await bytesOf(store.read('big', { start, end: sizeBytes }));
      assert.ok(read.equals(bytes.subarray(start)));
    }
  });

  void it('tells sizes and times with a listing, and removes a folder of more than one page', async () => {
    const store = open();
    const names = Array.from({ length: MANY }, (_, i) => `n${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += AT_ONCE) {
      const some = names.slice(i, i + AT_ONCE);
      await Promise.all(some.map((each) => store.write(`d/${each}`, sourceOf(Buffer.from(each)))));
    }
    await store.write('dd/f', sourceOf(Buffer.from('x')));
    const entries = await store.list('d');
    assert.deepEqual(
      entries.map((entry) => entry.name),
      names,
    );
    assert.ok(entries.every(({ stat }) => stat?.sizeBytes === 5));
    assert.ok(entries.every(({ stat }) => Date.now() - (stat?.modifiedMs ?? 0) < 60_000));
    await store.removeTree('d');
    assert.deepEqual(await store.list('d'), []);
    assert.equal((await store.stat('dd/f'))?.sizeBytes, 1);
  });

  void it('ends the request when the reader has enough', async () => {
    const store = open();
    await store.write('f', inPieces(patterned(40 * MIB), MIB));
    for (let i = 0; i < 40; i++) {
      // With connections that stay open, the 33rd read would wait for ever.
      for await (const piece of store.read('f')) {
        assert.ok(piece.length > 0);
        break;
      }
    }
  });

  void it('says what is wrong with the settings, and nothing secret', async () => {
    for (const [change, code, message] of wrong()) {
      await assert.rejects(open(change).write('f', sourceOf(new Uint8Array(1))), (error: Error) => {
        assert.ok(error instanceof CodedError);
        assert.equal(error.code, code, describeError(error));
        assert.match(describeError(error), message);
        assert.ok(!describeError(error).includes(secret));
        return true;
      });
    }
  });
}
