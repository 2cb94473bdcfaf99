import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readAzureSettings } from '../../../server/src/filestore/azureblob/azure-settings.ts';
import type { AzureFileSettings } from '../../../server/src/filestore/azureblob/azure-settings.ts';
import { sourceOf } from '../../../server/src/filestore/file-store.ts';
import { AzureBucket } from '../../../server/src/platform/azureblob/azure-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { bucketStoreKit } from '../bucket-store-kit.ts';
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

  bucketStoreKit<AzureFileSettings>({
    name: 'azureblob on Azurite',
    open,
    partSizeBytes: 8 * MIB,
    secret: ACCESS_KEY,
    wrong: () => [
      [{ accessKey: 'd3Jvbmc=' }, 'ERR_FILESTORE_DENIED', /check Azure Access Key/],
      [{ container: 'no-such-container' }, 'ERR_FILESTORE_BUCKET', /container does not exist/],
      [{ endpoint: 'http://127.0.0.1:1/x' }, 'ERR_FILESTORE_UNREACHABLE', /nobody answers/],
      [{ endpoint: 'http://no-such-host.invalid' }, 'ERR_FILESTORE_UNREACHABLE', /name of/],
      [{ endpoint: `https://${server.endpoint}` }, 'ERR_FILESTORE_TLS', /does not speak TLS/],
    ],
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
});
