import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duplexPair } from '../../../test/support/duplex-pair.ts';
import { TestBody } from '../../../test/support/plugin-host.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { ASKED_BYTES, RemoteBody, serveBody } from './body-stream.ts';

async function readAll(body: RemoteBody): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let part = await body.read(); part; part = await body.read()) parts.push(part);
  return Buffer.concat(parts);
}

function request(...numbers: number[]): Uint8Array {
  const out = new ByteWriter();
  for (const number of numbers) out.varint(number);
  return out.copy();
}

test('a body arrives whole, byte by byte too', async () => {
  const content = Buffer.alloc(3000, 'abc');
  for (const pieceBytes of [() => 1, () => 7, () => 4096]) {
    const [reader, server] = duplexPair({ pieceBytes });
    const pieces = [content.subarray(0, 10), content.subarray(10)];
    const serving = serveBody(new TestBody(pieces), server);
    assert.deepEqual(await readAll(new RemoteBody(reader)), content);
    await reader.close();
    await serving;
  }
});

test('a reader that waits holds the source back', async () => {
  const [reader, server] = duplexPair();
  const source = new TestBody(Array.from({ length: 100 }, () => new Uint8Array(ASKED_BYTES / 4)));
  const serving = serveBody(source, server);
  const body = new RemoteBody(reader);
  await body.read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(source.sentBytes <= ASKED_BYTES * 2, `${source.sentBytes} bytes were read ahead`);
  await body.close();
  await serving.catch(() => {});
});

test('as many bytes are sent as were asked for, across pieces of the source', async () => {
  const [reader, server] = duplexPair();
  const serving = serveBody(new TestBody([Buffer.from('abcdef'), Buffer.from('gh')]), server);
  const found: string[] = [];
  for (const count of [1, 4, 2, 5]) {
    await reader.write(request(count));
    let part = '';
    while (part.length < Math.min(count, 8 - found.join('').length)) {
      part += Buffer.from((await reader.read()) ?? []).toString();
    }
    found.push(part);
  }
  assert.deepEqual(found, ['a', 'bcde', 'fg', 'h']);
  assert.equal(await reader.read(), undefined);
  await serving;
});

const badRequests = [
  ['a negative number', request(-5)],
  ['a varint without end', new Uint8Array(11).fill(0x80)],
  ['a number above 2^53', Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
] as const;

for (const [name, bytes] of badRequests) {
  test(`${name} ends the stream with an error`, async () => {
    const [reader, server] = duplexPair();
    const serving = serveBody(new TestBody([new Uint8Array(5)]), server);
    await reader.write(bytes);
    await assert.rejects(serving, { code: 'ERR_BODY_REQUEST' });
    assert.equal(await reader.read(), undefined);
  });
}

test('a reader that leaves ends the service, also in the middle of a number', async () => {
  const [reader, server] = duplexPair();
  const serving = serveBody(new TestBody([]), server);
  await reader.write(Uint8Array.of(0x80));
  await reader.closeWrite();
  await serving;
});

test('a source that fails ends the stream', async () => {
  const [reader, server] = duplexPair();
  const failing = { read: () => Promise.reject(new Error('disk')) };
  const serving = serveBody(failing, server);
  await reader.write(request(10));
  await assert.rejects(serving, /disk/);
  assert.equal(await reader.read(), undefined);
});
