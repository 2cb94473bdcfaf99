// Stores and proxies that answer as no real S3 server lets itself be made to.

import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';

import { BucketFileStore } from '../src/filestore/bucket/bucket-file-store.ts';
import { readS3Settings } from '../src/filestore/s3/s3-settings.ts';
import { openS3Bucket } from '../src/platform/s3/s3-bucket.ts';
import { systemClock } from '../src/platform/system-clock.ts';

type Answerer = (response: http.ServerResponse, request: string) => void;

describe('an odd store behind S3', () => {
  /** Answers by the beginning of `METHOD ?query key`, the first that fits. */
  let answers: [request: string, answer: Answerer][] = [];
  let seen: { request: string; authorization: string }[] = [];
  const server = http.createServer((request, response) => {
    const [path, query = ''] = (request.url ?? '').split('?');
    const what = `${request.method} ?${query} ${path}`;
    seen.push({ request: what, authorization: request.headers.authorization ?? '' });
    request.resume().once('end', () => {
      const [, answer] = answers.find(([start]) => what.startsWith(start)) ?? [];
      if (answer === undefined) response.writeHead(204).end();
      else answer(response, what);
    });
  });

  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  beforeEach(() => {
    answers = [];
    seen = [];
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  function open(region = 'us-east-1'): BucketFileStore {
    const { bucket, prefix, partSizeBytes } = readS3Settings({
      accessKeyId: 'key',
      secretAccessKey: 'secret',
      bucket: 'b',
      pathPrefix: '',
      region,
      endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      ssl: false,
      signV2: false,
      sse: false,
      isComplianceLicensed: false,
      requestTimeoutMs: 500,
      uploadPartSizeBytes: 0,
      storageClass: '',
      acceptsAnyCertificate: false,
    });
    return new BucketFileStore({
      bucket: openS3Bucket(bucket),
      description: 'odd',
      prefix,
      partSizeBytes,
      clock: systemClock,
      retryFirstMs: 1,
    });
  }

  const says =
    (status: number, body: string): Answerer =>
    (response) =>
      void response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
  const refuses = (status: number, code: string): Answerer =>
    says(status, `<Error><Code>${code}</Code><Message>made up</Message></Error>`);
  const object = (key: string, size = '<Size>3</Size>'): string =>
    `<Contents><Key>${key}</Key>${size}</Contents>`;
  const listing = (...objects: string[]): Answerer =>
    says(200, `<ListBucketResult>${objects.join('')}</ListBucketResult>`);
  const names = async (store: BucketFileStore): Promise<string[]> =>
    (await store.list('d')).map(({ name }) => name);
  /** The region that the last request was signed for. */
  const signedFor = (): string => seen.at(-1)?.authorization.split('/')[2] ?? '';

  it('is asked in the first region when it does not tell its own, whatever it says instead', async () => {
    for (const [status, code] of [
      [400, 'MissingArgument'],
      [404, 'NoSuchKey'],
      [405, 'MethodNotAllowed'],
      [411, 'MissingContentLength'],
    ] as const) {
      answers = [
        ['GET ?location', refuses(status, code)],
        ['GET ', listing(object('d/a'))],
      ];
      assert.deepEqual(await names(open('')), ['a'], code);
      assert.equal(signedFor(), 'us-east-1');
    }
    answers = [['GET ?location', refuses(404, 'NoSuchBucket')]];
    await assert.rejects(names(open('')), { code: 'ERR_FILESTORE_BUCKET' });
  });

  it('is asked in the region that it tells, with a name space or without', async () => {
    for (const answer of [
      '<LocationConstraint>eu-west-3</LocationConstraint>',
      '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-3</LocationConstraint>',
      '<s3:LocationConstraint xmlns:s3="x">\n eu-west-3\n</s3:LocationConstraint>',
    ]) {
      answers = [
        ['GET ?location', says(200, answer)],
        ['GET ', listing()],
      ];
      await names(open(''));
      assert.equal(signedFor(), 'eu-west-3', answer);
    }
  });

  it('has said nothing of what it has when something else has answered', async () => {
    for (const page of [
      '<html><body>Please log in</body></html>',
      '<!DOCTYPE html>\n<html><br></html>',
      '<Other><IsTruncated>false</IsTruncated></Other>',
      '{"ok":true}',
      '',
    ]) {
      answers = [['GET ', says(200, page)]];
      await assert.rejects(names(open()), { code: 'ERR_FILESTORE_UNREACHABLE' }, page);
    }
    const inside = '<s3:Contents><s3:Key>d/a</s3:Key><s3:Size>3</s3:Size></s3:Contents>';
    const prefixed = `<s3:ListBucketResult xmlns:s3="x">${inside}</s3:ListBucketResult>`;
    answers = [['GET ', says(200, prefixed)]];
    assert.deepEqual(await names(open()), ['a']);
  });

  it('means by a status what it says, whatever page comes with it', async () => {
    const page = '<html><head><meta x><title>nginx</title></head><body><br></body></html>';
    for (const [status, code] of [
      [403, 'ERR_FILESTORE_DENIED'],
      [404, 'ERR_FILESTORE_NOT_FOUND'],
      [503, 'ERR_FILESTORE_BUSY'],
    ] as const) {
      answers = [['GET ', says(status, page)]];
      await assert.rejects(names(open()), (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        assert.doesNotMatch(String(error.cause), /parse|hidden field/);
        return true;
      });
    }
    for (const missing of [says(404, page), refuses(404, 'NoSuchObject')]) {
      answers = [['DELETE ', missing]];
      await open().remove('d/a');
    }
  });

  it('that answers no batch of removals, by whatever means, has them one by one', async () => {
    for (const [what, answer] of [
      ['nothing', says(200, '')],
      ['a page', says(200, '<html><br></html>')],
      ['no XML', says(200, '{}')],
      ['a redirect', says(301, '<html></html>')],
      ['another region', refuses(400, 'AuthorizationHeaderMalformed')],
      ['a broken connection', (response) => void response.destroy()],
      ['silence', () => undefined],
    ] as [string, Answerer][]) {
      answers = [
        ['GET ', listing(object('d/a'), object('d/b'))],
        ['POST ?delete', answer],
      ];
      const store = open();
      seen = [];
      await store.removeTree('d');
      const removed = (): number =>
        seen.filter(({ request }) => request.startsWith('DELETE ')).length;
      assert.equal(removed(), 2, what);
      seen = [];
      await store.removeTree('d');
      assert.deepEqual([removed(), seen.length], [2, 3], what);
    }
  });

  it('that lists no sizes has its files listed, measured and removed all the same', async () => {
    const files = listing(object('d/a', ''), object('d/b'));
    answers = [
      ['GET ?delimiter', files],
      ['GET ?list-type=2', files],
      [
        'GET ',
        (response) => void response.writeHead(206, { 'content-range': 'Bytes 0-0/7' }).end('x'),
      ],
      ['HEAD ', (response) => void response.writeHead(200).end()],
    ];
    const store = open();
    const sizes = (await store.list('d')).map(({ name, stat }) => [name, stat?.sizeBytes]);
    assert.deepEqual(sizes, [
      ['a', undefined],
      ['b', 3],
    ]);
    assert.equal((await store.stat('d/a'))?.sizeBytes, 7);
    await store.removeTree('d');
    answers.splice(2, 1, ['GET ', refuses(400, 'NoRanges')]);
    assert.equal((await store.stat('d/b'))?.sizeBytes, 3);
    await assert.rejects(store.stat('d/a'), { code: 'ERR_FILESTORE' });
  });

  it('whose head tells the length of its own answer is asked for the size', async () => {
    answers = [
      ['HEAD ', (response) => void response.writeHead(200, { 'content-length': '0' }).end()],
      ['GET ?list-type=2', listing(object('d/empty', '<Size>0</Size>'), object('d/f'))],
      ['GET ?x-id=GetObject /b/d/empty', refuses(416, 'InvalidRange')],
      [
        'GET ',
        (response) => void response.writeHead(206, { 'content-range': 'bytes 0-0/7' }).end('x'),
      ],
    ];
    assert.equal((await open().stat('d/f'))?.sizeBytes, 7);
    assert.equal((await open().stat('d/empty'))?.sizeBytes, 0);
  });

  it('that answers with the whole object when a part is asked for has that part read', async () => {
    const body = Buffer.alloc(300_000, '0123456789');
    answers = [['GET ', (response) => void response.writeHead(200, { etag: '"1"' }).end(body)]];
    for (const [start, end] of [
      [0, 7],
      [3, 12],
      [70_003, 200_001],
      [299_990, 300_000],
    ] as const) {
      const pieces: Uint8Array[] = [];
      for await (const piece of open().read('d/a', { start, end })) pieces.push(piece.slice());
      assert.deepEqual(Buffer.concat(pieces), body.subarray(start, end));
    }
    const beyond = async (): Promise<void> => {
      for await (const piece of open().read('d/a', { start: 5, end: 300_001 })) void piece;
    };
    await assert.rejects(beyond());
  });

  it('is asked at its own address, whatever the environment says about those of Amazon', async () => {
    answers = [['GET ', listing(object('d/a'))]];
    const variables = ['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'];
    for (const name of variables) process.env[name] = 'true';
    try {
      assert.deepEqual(await names(open()), ['a']);
    } finally {
      for (const name of variables) delete process.env[name];
    }
  });

  it('whose folders are objects has them removed behind what is in them', async () => {
    const left = new Set(['d/sub', 'd/sub/deep', 'd/sub/deep/a', 'd/sub/b', 'd/c']);
    answers = [
      [
        'GET ',
        (response, request) => listing(...[...left].map((key) => object(key)))(response, request),
      ],
      ['POST ?delete', refuses(501, 'NotImplemented')],
      [
        'DELETE ',
        (response, request) => {
          const key = request.split(' /b/')[1] ?? '';
          const isFull = [...left].some((other) => other.startsWith(`${key}/`));
          if (!isFull) left.delete(key);
          if (isFull) refuses(409, 'DirectoryIsNotEmpty')(response, request);
          else response.writeHead(204).end();
        },
      ],
    ];
    await open().removeTree('d');
    assert.deepEqual([...left], []);
  });
});
