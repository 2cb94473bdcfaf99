import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { gunzipped } from './gunzip.ts';

async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function unpack(packed: Buffer, pieceBytes = 1000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of gunzipped(pieces(packed, pieceBytes))) {
    // Void with the next turn.
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

const BODIES: [title: string, body: Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['a byte', Buffer.from('x')],
  ['a common body', Buffer.from('up 1\n'.repeat(50_000))],
  ['a body that packs to more than a megabyte', randomBytes(1_500_000)],
  ['a body that unpacks to much', Buffer.alloc(20_000_000, 'x')],
];

for (const [title, body] of BODIES) {
  test(`unpacks ${title}, in one or several members`, async () => {
    const packed = gzipSync(body, { level: 1 });
    assert.ok(body.equals(await unpack(packed, 60_000)));
    const small = Buffer.from('tail 1\n');
    const members = [packed, gzipSync(small)];
    assert.ok(Buffer.concat([body, small]).equals(await unpack(Buffer.concat(members), 60_000)));
  });
}

test('refuses every cut and every flipped byte of a body', async () => {
  const body = Buffer.from('up{a="b"} 1\nup{a="c"} 2\n');
  const packed = gzipSync(body);
  for (let end = 0; end < packed.length; end++) {
    await assert.rejects(
      unpack(packed.subarray(0, end), 7),
      { code: 'Z_BUF_ERROR' },
      `cut at ${end}`,
    );
  }
  // Bytes 3 to 9 of the header (flags, time, system) may change without harm or with.
  for (let at = 10; at < packed.length; at++) {
    const damaged = Buffer.from(packed);
    damaged[at] ^= 0x10;
    await assert.rejects(unpack(damaged, 7), { code: /^Z_/ }, `flipped at ${at}`);
  }
});

test('a body that lies about its size is unpacked all the same', async () => {
  const body = Buffer.alloc(100_000, 'x');
  const lying = Buffer.concat([gzipSync(body), gzipSync(Buffer.from('y'))]);
  assert.equal((await unpack(lying)).length, 100_001);
});

test('who stops reading early leaves nothing running', async () => {
  const packed = gzipSync(Buffer.alloc(50_000_000));
  let bytes = 0;
  for await (const chunk of gunzipped(pieces(packed, 1000))) {
    bytes += chunk.length;
    if (bytes > 1_000_000) break;
  }
  assert.ok(bytes < 2_000_000);
});
