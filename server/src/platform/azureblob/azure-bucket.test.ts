import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { AzureBucket } from './azure-bucket.ts';

const OBJECT = Buffer.from('0123456789');

describe('a container behind a proxy that leaves lengths and times out', () => {
  const server = http.createServer((request, response) => {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    if (request.url?.startsWith('/c/missing') === true) response.writeHead(404);
    else if (range !== null && request.method === 'GET') {
      const [start, end] = [Number(range[1]), Number(range[2] || OBJECT.length - 1)];
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${OBJECT.length}` });
      response.write(OBJECT.subarray(start, end + 1));
    } else if (request.method === 'GET') {
      // Two writes and no length: it is sent in chunks.
      response.write(OBJECT.subarray(0, 4));
      response.write(OBJECT.subarray(4));
    }
    response.end();
  });
  let bucket: AzureBucket;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    bucket = new AzureBucket({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      account: 'a',
      container: 'c',
      accessKey: Buffer.from('key').toString('base64'),
      verifiesCertificates: true,
      requestTimeoutMs: 5_000,
    });
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it('tells sizes all the same, and no age that is not known', async () => {
    const sinceMs = Date.now();
    const found = await bucket.head('f');
    assert.equal(found?.sizeBytes, OBJECT.length);
    assert.ok((found?.modifiedMs ?? 0) >= sinceMs);
    assert.equal(await bucket.head('missing'), undefined);
  });

  it('gives objects whole', async () => {
    const { sizeBytes, pieces } = await bucket.get('f', { start: 0 });
    assert.equal(sizeBytes, undefined);
    const read: Uint8Array[] = [];
    for await (const piece of pieces) read.push(piece);
    assert.ok(Buffer.concat(read).equals(OBJECT));
  });
});
