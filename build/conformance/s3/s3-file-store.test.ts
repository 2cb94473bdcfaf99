import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { Clock } from '../../../server/src/base/clock.ts';
import { sourceOf } from '../../../server/src/filestore/file-store.ts';
import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readS3Settings } from '../../../server/src/filestore/s3/s3-settings.ts';
import type { S3FileSettings } from '../../../server/src/filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { bucketStoreKit } from '../bucket-store-kit.ts';
import { goSkip } from '../gob/skip.ts';
import { patterned } from './bytes.ts';
import { REGION, SECRET_ACCESS_KEY, fileSettings, startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

const MIB = 1024 * 1024;

describe('the file store amazons3 on versitygw', { skip: goSkip }, () => {
  let server: S3Server;
  let count = 0;

  before(async () => {
    server = await startS3Server();
  });
  after(() => server.stop());

  function open(change: Partial<S3FileSettings> = {}, clock: Clock = systemClock): BucketFileStore {
    const settings = readS3Settings(
      fileSettings(server.endpoint, { pathPrefix: `store-${count++}`, ...change }),
    );
    return new BucketFileStore({
      bucket: openS3Bucket(settings.bucket),
      description: 'the S3 server of this test',
      prefix: settings.prefix,
      partSizeBytes: settings.partSizeBytes,
      clock,
      retryFirstMs: 5,
    });
  }

  bucketStoreKit<S3FileSettings>({
    name: 'amazons3 on versitygw',
    open,
    partSizeBytes: 5 * MIB,
    secret: SECRET_ACCESS_KEY,
    wrong: () => [
      // versitygw has a name of its own for this error.
      [{ accessKeyId: 'nobody' }, 'ERR_FILESTORE', /No user exists with the provided access key/],
      [{ secretAccessKey: 'wrong' }, 'ERR_FILESTORE_DENIED', /does not fit the access key/],
      [{ bucket: 'no-such-bucket' }, 'ERR_FILESTORE_BUCKET', /the bucket does not exist/],
      [{ endpoint: '127.0.0.1:1' }, 'ERR_FILESTORE_UNREACHABLE', /nobody answers/],
      [{ endpoint: 'no-such-host.invalid' }, 'ERR_FILESTORE_UNREACHABLE', /name of the endpoint/],
      [{ ssl: true }, 'ERR_FILESTORE_TLS', /does not speak TLS/],
    ],
  });

  it('finds the region by itself, with the prefix as the server joins it', async () => {
    const store = open({ region: '', pathPrefix: 'a//b/./' });
    await store.write('f', sourceOf(new Uint8Array(3)));
    assert.ok(existsSync(join(server.dir, 'a/b/f')));
    const told = open({ region: REGION, pathPrefix: 'a/b' });
    assert.equal((await told.stat('f'))?.sizeBytes, 3);
  });

  it('leaves no parts behind when the source of a large file fails', async () => {
    const store = open({ pathPrefix: 'broken' });
    const reason = new Error('the source broke');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield patterned(12 * MIB);
      throw reason;
    }
    await assert.rejects(store.write('f', broken()), (error) => error === reason);
    assert.equal(await store.stat('f'), undefined);
    const bucket = openS3Bucket(readS3Settings(fileSettings(server.endpoint)).bucket);
    assert.deepEqual(await bucket.listUploads('broken/'), []);
  });

  it('drops the parts of a process that was killed, a day later', async () => {
    const { bucket: settings } = readS3Settings(fileSettings(server.endpoint));
    const bucket = openS3Bucket(settings);
    for (const key of ['killed/d/f', 'killed/dd/f']) {
      await bucket.putPart({ key, id: await bucket.startUpload(key) }, 1, patterned(5 * MIB));
    }
    const left = async (): Promise<string[]> =>
      (await bucket.listUploads('killed/')).map(({ key }) => key).sort();
    await open({ pathPrefix: 'killed' }).removeLeftovers('d');
    assert.deepEqual(await left(), ['killed/d/f', 'killed/dd/f']);
    const tomorrow = { ...systemClock, nowMs: () => systemClock.nowMs() + 25 * 3_600_000 };
    await open({ pathPrefix: 'killed' }, tomorrow).removeLeftovers('d');
    assert.deepEqual(await left(), ['killed/dd/f']);
  });

  it('keeps nothing of a file outside of its prefix', async () => {
    const store = open({ pathPrefix: 'inside' });
    await store.write('x/f', sourceOf(new Uint8Array(1)));
    const other = open({ pathPrefix: 'inside-not' });
    await other.write('x/f', sourceOf(new Uint8Array(1)));
    await store.removeTree('x');
    assert.ok(existsSync(join(server.dir, 'inside-not/x/f')));
    assert.deepEqual(
      readdirSync(server.dir).filter((name) => name === 'x'),
      [],
    );
  });
});
