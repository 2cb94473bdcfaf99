import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { CodedError, describeError } from '../../../server/src/base/errors.ts';
import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readAzureSettings } from '../../../server/src/filestore/azureblob/azure-settings.ts';
import type { AzureFileSettings } from '../../../server/src/filestore/azureblob/azure-settings.ts';
import { sourceOf } from '../../../server/src/filestore/file-store.ts';
import { AzureBucket } from '../../../server/src/platform/azureblob/azure-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { fileStoreKit } from '../../../server/test/kits/file-store-kit.ts';
import { bytesOf, inPieces, patterned } from '../s3/bytes.ts';
import { ACCESS_KEY, azureFileSettings, startAzurite } from './azurite.ts';
import type { Azurite } from './azurite.ts';

const MIB = 1024 * 1024;

describe('the file store azureblob on Azurite', () => {
  let server: Azurite;
  let count = 0;

  before(async () => {
    server = await startAzurite();
  });
  after(() => server.stop());

  function open(change: Partial<AzureFileSettings> = {}): BucketFileStore {
    const settings = readAzureSettings(
      azureFileSettings(server.endpoint, { pathPrefix: `store-${count++}`, ...change }),
    );
    return new BucketFileStore({
      bucket: new AzureBucket(settings.container),
      description: 'Azurite',
      prefix: settings.prefix,
      partSizeBytes: settings.partSizeBytes,
      clock: systemClock,
      retryFirstMs: 5,
    });
  }

  fileStoreKit('azureblob on Azurite', async () => open());

  it('stores files of many parts and exactly full ones, and reads any range of them', async () => {
    const store = open();
    for (const sizeBytes of [8 * MIB, 16 * MIB, 27 * MIB + 3]) {
      const bytes = patterned(sizeBytes);
      assert.equal(await store.write('big', inPieces(bytes, 100_003)), sizeBytes);
      assert.equal((await store.stat('big'))?.sizeBytes, sizeBytes);
      const start = 8 * MIB - 10;
      const read = await bytesOf(store.read('big', { start, end: sizeBytes }));
      assert.ok(read.equals(bytes.subarray(start)));
    }
  });

  it('takes names that XML and addresses have other ideas about', async () => {
    const store = open({ pathPrefix: 'a//b & c/./' });
    const names = ['a b', 'a+b', 'ä%20', "it's <x>", 'x&amp;y', '100%', 'q?x=1', 'h#1'].sort();
    for (const name of names) await store.write(`d/${name}`, sourceOf(new Uint8Array(3)));
    const listed = (await store.list('d')).map((entry) => entry.name);
    assert.deepEqual(listed.sort(), names);
    for (const name of names) assert.equal((await store.stat(`d/${name}`))?.sizeBytes, 3);
    await store.removeTree('d');
    assert.deepEqual(await store.list('d'), []);
  });

  it('removes a folder of more than one page, and not its neighbour', async () => {
    const store = open();
    const names = Array.from({ length: 1_020 }, (_, i) => `n${i}`);
    for (let i = 0; i < names.length; i += 100) {
      const some = names.slice(i, i + 100);
      await Promise.all(some.map((name) => store.write(`d/${name}`, sourceOf(new Uint8Array(1)))));
    }
    await store.write('dd/f', sourceOf(new Uint8Array(1)));
    assert.equal((await store.list('d')).length, names.length);
    await store.removeTree('d');
    assert.deepEqual(await store.list('d'), []);
    assert.equal((await store.list('dd')).length, 1);
  });

  it('ends the request when the reader has enough', async () => {
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

  it('says what is wrong with the settings', async () => {
    const wrong: [Partial<AzureFileSettings>, string, RegExp][] = [
      [{ accessKey: 'd3Jvbmc=' }, 'ERR_FILESTORE_DENIED', /check Azure Access Key/],
      [{ container: 'no-such-container' }, 'ERR_FILESTORE_BUCKET', /container does not exist/],
      [{ endpoint: 'http://127.0.0.1:1/x' }, 'ERR_FILESTORE_UNREACHABLE', /nobody answers/],
      [{ endpoint: 'http://no-such-host.invalid' }, 'ERR_FILESTORE_UNREACHABLE', /name of/],
      [{ endpoint: `https://${server.endpoint}` }, 'ERR_FILESTORE_TLS', /does not speak TLS/],
    ];
    for (const [change, code, message] of wrong) {
      await assert.rejects(open(change).write('f', sourceOf(new Uint8Array(1))), (error: Error) => {
        assert.ok(error instanceof CodedError);
        assert.equal(error.code, code, describeError(error));
        assert.match(describeError(error), message);
        assert.ok(!describeError(error).includes(ACCESS_KEY));
        return true;
      });
    }
  });
});
