// Answers of stores that are not Amazon's, and of proxies before them, made of those of a real server.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { sourceOf } from '../../../server/src/filestore/file-store.ts';
import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import { readS3Settings } from '../../../server/src/filestore/s3/s3-settings.ts';
import type { S3FileSettings } from '../../../server/src/filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { goSkip } from '../gob/skip.ts';
import { startAnswerProxy } from './answer-proxy.ts';
import type { AnswerProxy, StoreAnswer } from './answer-proxy.ts';
import { bytesOf, patterned } from './bytes.ts';
import { REGION, fileSettings, startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

const MIB = 1024 * 1024;

describe('answers that are not as Amazon gives them', { skip: goSkip }, () => {
  let server: S3Server;
  let proxy: AnswerProxy;
  let count = 0;

  before(async () => {
    server = await startS3Server();
    proxy = await startAnswerProxy(server.endpoint);
  });
  after(async () => {
    await proxy.close();
    await server.stop();
  });
  beforeEach(() => {
    proxy.requests.length = 0;
    proxy.alter = () => undefined;
  });

  function open(change: Partial<S3FileSettings> = {}, clock = systemClock): BucketFileStore {
    const own = { pathPrefix: `odd-${count++}`, region: REGION, ...change };
    const settings = readS3Settings(fileSettings(proxy.endpoint, own));
    return new BucketFileStore({
      bucket: openS3Bucket(settings.bucket),
      description: 'a store of this test',
      prefix: settings.prefix,
      partSizeBytes: settings.partSizeBytes,
      clock,
      retryFirstMs: 1,
    });
  }

  function refuse(answer: StoreAnswer, status: number, code: string): void {
    answer.status = status;
    answer.headers = { 'content-type': 'application/xml' };
    answer.body = Buffer.from(`<Error><Code>${code}</Code><Message>made up</Message></Error>`);
  }

  const isBatch = (request: string): boolean => /^POST .*\?delete/.test(request);

  async function withFiles(store: BucketFileStore): Promise<void> {
    for (const name of ['a', 'b', 'c']) await store.write(`d/${name}`, sourceOf(patterned(10)));
  }

  for (const [status, code] of [
    [400, 'MissingArgument'],
    [400, 'InvalidDigest'],
    [400, 'BadRequest'],
    [400, 'SomethingNew'],
    [411, 'MissingContentLength'],
    [404, 'NoSuchKey'],
    [405, 'MethodNotAllowed'],
    [501, 'NotImplemented'],
  ] as const) {
    it(`a batch of removals refused with ${status} ${code}: one by one, from then on`, async () => {
      const store = open();
      await withFiles(store);
      proxy.alter = (request, answer) => {
        if (isBatch(request)) refuse(answer, status, code);
      };
      await store.removeTree('d');
      assert.deepEqual(await store.list('d'), []);
      await withFiles(store);
      await store.removeTree('d');
      assert.deepEqual(await store.list('d'), []);
      assert.equal(proxy.requests.filter(isBatch).length, 1);
    });
  }

  it('a batch that the store fails at is tried again the next time', async () => {
    const store = open();
    await withFiles(store);
    proxy.alter = (request, answer) => {
      if (isBatch(request)) refuse(answer, 500, 'InternalError');
    };
    await store.removeTree('d');
    assert.deepEqual(await store.list('d'), []);
    proxy.alter = () => undefined;
    await withFiles(store);
    proxy.requests.length = 0;
    await store.removeTree('d');
    assert.equal(proxy.requests.filter(isBatch).length, 1);
  });

  it('a batch that nobody may send is told, and nothing is removed one by one', async () => {
    for (const [status, code, expected] of [
      [401, 'Unauthorized', 'ERR_FILESTORE_DENIED'],
      [403, 'AccessDenied', 'ERR_FILESTORE_DENIED'],
      [404, 'NoSuchBucket', 'ERR_FILESTORE_BUCKET'],
    ] as const) {
      const store = open();
      await withFiles(store);
      proxy.alter = (request, answer) => {
        if (isBatch(request)) refuse(answer, status, code);
      };
      await assert.rejects(store.removeTree('d'), { code: expected });
      assert.ok(!proxy.requests.some((request) => request.startsWith('DELETE ')));
    }
  });

  it('fields that nobody reads may have any form', async () => {
    const odd = {
      'x-amz-abort-date': '2026-12-05T00:00:00.000Z',
      'x-amz-object-lock-retain-until-date': '1796428800',
      'x-amz-missing-meta': 'some',
      'x-amz-mp-parts-count': 'unknown',
      'x-amz-server-side-encryption-bucket-key-enabled': 'maybe',
      'x-amz-storage-class': 'NO_CLASS_OF_AMAZON',
      'x-amz-tagging-count': 'none',
      'x-amz-object-size': 'large',
      'x-amz-expiration': 'never',
      'x-amz-restore': '?',
      expires: 'tomorrow',
      'cache-control': '',
    };
    proxy.alter = (_, answer) => {
      Object.assign(answer.headers, odd);
      const xml = answer.body.toString('utf8');
      if (!xml.startsWith('<')) return;
      const more =
        '<KeyCount>x</KeyCount><MaxKeys/><AbortDate>soon</AbortDate><RestoreStatus>' +
        '<RestoreExpiryDate>x</RestoreExpiryDate></RestoreStatus><Size>1</Size>';
      answer.body = Buffer.from(`\uFEFF${xml.replace(/<\/\w+>\s*$/, (end) => more + end)}`);
    };
    const store = open();
    const large = patterned(12 * MIB);
    await store.write('d/large', sourceOf(large));
    await withFiles(store);
    assert.ok((await bytesOf(store.read('d/large'))).equals(large));
    assert.deepEqual(
      (await store.list('d')).map(({ name, stat }) => [name, stat?.sizeBytes]),
      [
        ['a', 10],
        ['b', 10],
        ['c', 10],
        ['large', 12 * MIB],
      ],
    );
    await store.removeTree('d');
    assert.deepEqual(await store.list('d'), []);
  });

  it('times of a listing in other forms are understood, and unknown ones are not old', async () => {
    const prefix = `times-${count++}`;
    const bucket = openS3Bucket(readS3Settings(fileSettings(server.endpoint)).bucket);
    const key = `${prefix}/d/f`;
    await bucket.putPart({ key, id: await bucket.startUpload(key) }, 1, patterned(5 * MIB));
    const tomorrow = { ...systemClock, nowMs: () => systemClock.nowMs() + 25 * 3_600_000 };
    const left = async (): Promise<number> => (await bucket.listUploads(`${prefix}/`)).length;
    const rewrite = (toTime: (time: string) => string) => {
      proxy.alter = (_, answer) => {
        answer.body = Buffer.from(
          answer.body
            .toString('utf8')
            .replace(/<(Initiated|LastModified)>([^<]*)</g, (_all, name: string, time: string) => {
              return `<${name}>${toTime(time)}<`;
            }),
        );
      };
    };
    rewrite(() => 'a while ago');
    await open({ pathPrefix: prefix }, tomorrow).removeLeftovers('d');
    assert.equal(await left(), 1);
    rewrite((time) => new Date(time).toUTCString());
    await open({ pathPrefix: prefix }, tomorrow).removeLeftovers('d');
    assert.equal(await left(), 0);
  });

  for (const [what, alterHead] of [
    ['without Content-Length', (answer: StoreAnswer) => (answer.hasNoLength = true)],
    [
      'without Content-Length, ETag and Last-Modified',
      (answer: StoreAnswer) => {
        answer.hasNoLength = true;
        delete answer.headers.etag;
        delete answer.headers['last-modified'];
      },
    ],
    [
      'with a Last-Modified of its own',
      (answer: StoreAnswer) => {
        answer.hasNoLength = true;
        answer.headers['last-modified'] = '2026/12/05';
      },
    ],
  ] as const) {
    it(`a head ${what} is no empty object, and a body without length is read whole`, async () => {
      const store = open();
      const bytes = patterned(3 * MIB);
      await store.write('f', sourceOf(bytes));
      await store.write('empty', sourceOf(new Uint8Array(0)));
      for (const ranges of [true, false]) {
        proxy.alter = (request, answer) => {
          const isRange = answer.headers['content-range'] !== undefined;
          if (request.startsWith('HEAD')) alterHead(answer);
          else if (isRange && !ranges) refuse(answer, 400, 'InvalidArgument');
          else if (request.startsWith('GET') && !isRange) alterHead(answer);
        };
        const found = await store.stat('f');
        assert.equal(found?.sizeBytes, bytes.length);
        assert.ok((found?.modifiedMs ?? 0) > Date.UTC(2026));
        assert.equal((await store.stat('empty'))?.sizeBytes, 0);
        assert.equal(await store.stat('missing'), undefined);
        assert.ok((await bytesOf(store.read('f'))).equals(bytes));
        assert.equal((await bytesOf(store.read('empty'))).length, 0);
      }
      // A second one over it counts as done although its head does not tell its size.
      await store.write('f', sourceOf(patterned(12 * MIB, 1)));
      assert.equal((await store.stat('f'))?.sizeBytes, 12 * MIB);
    });
  }

  it('a region that is none is named as what is wrong', async () => {
    const isLocation = (request: string): boolean => /\?location/.test(request);
    for (const location of ['WEUR', 'no region at all', '../../x']) {
      proxy.alter = (request, answer) => {
        if (isLocation(request)) {
          answer.status = 200;
          answer.body = Buffer.from(`<LocationConstraint>${location}</LocationConstraint>`);
        } else refuse(answer, 400, 'InvalidRegionName');
      };
      await assert.rejects(open({ region: '' }).list('d'), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_FILESTORE_REGION');
        assert.match(String(error.cause), /set Amazon S3 Region to one that/);
        return true;
      });
    }
  });
});
