import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { Clock } from '../../../server/src/base/clock.ts';
import { CodedError, describeError } from '../../../server/src/base/errors.ts';
import { sourceOf } from '../../../server/src/filestore/file-store.ts';
import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readS3Settings } from '../../../server/src/filestore/s3/s3-settings.ts';
import type { S3FileSettings } from '../../../server/src/filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { fileStoreKit } from '../../../server/test/kits/file-store-kit.ts';
import { goSkip } from '../gob/skip.ts';
import { bytesOf, inPieces, patterned } from './bytes.ts';
import { REGION, fileSettings, startS3Server } from './s3-server.ts';
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

  fileStoreKit('amazons3 on versitygw', async () => open());

  it('stores files of many parts and exactly full ones, and reads any range of them', async () => {
    const store = open();
    for (const sizeBytes of [5 * MIB, 10 * MIB, 17 * MIB + 3]) {
      const bytes = patterned(sizeBytes);
      assert.equal(await store.write('big', inPieces(bytes, 100_003)), sizeBytes);
      assert.equal((await store.stat('big'))?.sizeBytes, sizeBytes);
      const start = 5 * MIB - 10;
      const read = await bytesOf(store.read('big', { start, end: sizeBytes }));
      assert.ok(read.equals(bytes.subarray(start)));
    }
  });

  it('finds the region by itself, with the prefix as the server joins it', async () => {
    const store = open({ region: '', pathPrefix: 'a//b/./' });
    await store.write('f', sourceOf(new Uint8Array(3)));
    assert.ok(existsSync(join(server.dir, 'a/b/f')));
    const told = open({ region: REGION, pathPrefix: 'a/b' });
    assert.equal((await told.stat('f'))?.sizeBytes, 3);
  });

  it('tells sizes and times with a listing, and removes a folder of more than one page', async () => {
    const store = open();
    const names = Array.from({ length: 1030 }, (_, i) => `n${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += 50) {
      const some = names.slice(i, i + 50);
      await Promise.all(
        some.map((name) => store.write(`many/${name}`, sourceOf(Buffer.from(name)))),
      );
    }
    await store.write('manymore/f', sourceOf(Buffer.from('x')));
    const entries = await store.list('many');
    assert.deepEqual(
      entries.map(({ name }) => name),
      names,
    );
    assert.ok(entries.every(({ stat }) => stat?.sizeBytes === 5));
    assert.ok(entries.every(({ stat }) => Date.now() - (stat?.modifiedMs ?? 0) < 60_000));
    await store.removeTree('many');
    assert.deepEqual(await store.list('many'), []);
    assert.equal((await store.stat('manymore/f'))?.sizeBytes, 1);
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
    const wrong: [Partial<S3FileSettings>, string, RegExp][] = [
      // versitygw has a name of its own for this error.
      [{ accessKeyId: 'nobody' }, 'ERR_FILESTORE', /No user exists with the provided access key/],
      [{ secretAccessKey: 'wrong' }, 'ERR_FILESTORE_DENIED', /does not fit the access key/],
      [{ bucket: 'no-such-bucket' }, 'ERR_FILESTORE_BUCKET', /the bucket does not exist/],
      [{ endpoint: '127.0.0.1:1' }, 'ERR_FILESTORE_UNREACHABLE', /nobody answers/],
      [{ endpoint: 'no-such-host.invalid' }, 'ERR_FILESTORE_UNREACHABLE', /name of the endpoint/],
      [{ ssl: true }, 'ERR_FILESTORE_TLS', /does not speak TLS/],
    ];
    for (const [change, code, message] of wrong) {
      await assert.rejects(open(change).write('f', sourceOf(new Uint8Array(1))), (error: Error) => {
        assert.ok(error instanceof CodedError);
        assert.equal(error.code, code, describeError(error));
        assert.match(describeError(error), message);
        return true;
      });
    }
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
