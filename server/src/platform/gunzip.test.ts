import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { gunzipped } from './gunzip.ts';

function pieces(bytes: Buffer, length: number): Buffer[] {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}

/** Unpacks what is there at once; with `rest`, only the first piece is. */
async function unpack(packed: Buffer, pieceBytes = 1000, withRest = false): Promise<Buffer> {
  const head = pieces(packed, pieceBytes);
  const rest = withRest ? Readable.from(head.splice(1)) : undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of gunzipped(head, rest)) {
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
    assert.ok(body.equals(await unpack(packed, 60_000, true)));
    const small = Buffer.from('tail 1\n');
    const members = [packed, gzipSync(small)];
    assert.ok(Buffer.concat([body, small]).equals(await unpack(Buffer.concat(members), 60_000)));
  });
}

for (const withRest of [false, true]) {
  const how = withRest ? 'that comes in pieces' : 'that is there';
  test(`refuses every cut and every flipped byte of a body ${how}`, async () => {
    const body = Buffer.from('up{a="b"} 1\nup{a="c"} 2\n');
    const packed = gzipSync(body);
    for (let end = 0; end < packed.length; end++) {
      const cut = packed.subarray(0, end);
      await assert.rejects(unpack(cut, 7, withRest), { code: 'Z_BUF_ERROR' }, `cut at ${end}`);
    }
    // Bytes 3 to 9 of the header (flags, time, system) may change without harm or with.
    for (let at = 10; at < packed.length; at++) {
      const damaged = Buffer.from(packed);
      damaged[at] ^= 0x10;
      await assert.rejects(unpack(damaged, 7, withRest), { code: /^Z_/ }, `flipped at ${at}`);
    }
  });
}

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
