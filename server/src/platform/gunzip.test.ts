import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { GunzipStream, freeBytes, gunzipSmall } from './gunzip.ts';

type Unpack = (packed: Buffer) => Promise<Buffer>;

function pieces(bytes: Buffer, length: number): Buffer[] {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}

/** Brings the bytes piece by piece, each void after the call, and waits whenever there is no room. */
function unpackStream(packed: Buffer, pieceBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const unpacked: Buffer[] = [];
  const left = pieces(packed, pieceBytes);
  const pushAll = (): void => {
    for (let piece = left.shift(); piece !== undefined; piece = left.shift()) {
      const shared = Buffer.from(piece);
      const hasRoom = stream.push(shared);
      shared.fill(0xff);
      if (!hasRoom) return;
    }
    stream.end();
  };
  const stream = new GunzipStream({
    onUnpacked: (bytes) => unpacked.push(Buffer.from(bytes)),
    onRoom: pushAll,
    onEnd: (error) => (error === undefined ? resolve(Buffer.concat(unpacked)) : reject(error)),
  });
  pushAll();
  return promise;
}

/** At once where the body is small. */
async function unpackSmall(packed: Buffer): Promise<Buffer> {
  const unpacked = gunzipSmall(packed);
  if (unpacked === undefined) return unpackStream(packed, packed.length + 1);
  const copy = Buffer.from(unpacked);
  freeBytes(unpacked);
  return copy;
}

const WAYS: [how: string, unpack: Unpack][] = [
  ['at once', unpackSmall],
  ['as it comes', (packed) => unpackStream(packed, packed.length > 1000 ? 60_000 : 7)],
];

const BODIES: [title: string, body: Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['a byte', Buffer.from('x')],
  ['a common body', Buffer.from('up 1\n'.repeat(50_000))],
  ['a body that packs to more than a megabyte', randomBytes(1_500_000)],
  ['a body that unpacks to much', Buffer.alloc(20_000_000, 'x')],
];

for (const [how, unpack] of WAYS) {
  for (const [title, body] of BODIES) {
    test(`unpacks ${title} ${how}, in one or several members`, async () => {
      const packed = gzipSync(body, { level: 1 });
      assert.ok(body.equals(await unpack(packed)));
      const small = Buffer.from('tail 1\n');
      const members = Buffer.concat([packed, gzipSync(small)]);
      assert.ok(Buffer.concat([body, small]).equals(await unpack(members)));
    });
  }

  test(`refuses every cut and every flipped byte of a body ${how}`, async () => {
    const packed = gzipSync(Buffer.from('up{a="b"} 1\nup{a="c"} 2\n'));
    for (let end = 0; end < packed.length; end++) {
      const cut = packed.subarray(0, end);
      await assert.rejects(unpack(cut), { code: 'Z_BUF_ERROR' }, `cut at ${end}`);
    }
    // Bytes 3 to 9 of the header (flags, time, system) may change without harm or with.
    for (let at = 10; at < packed.length; at++) {
      const damaged = Buffer.from(packed);
      damaged[at] ^= 0x10;
      await assert.rejects(unpack(damaged), { code: /^Z_/ }, `flipped at ${at}`);
    }
  });
}

test('a body that lies about its size is left to the stream', async () => {
  const lying = Buffer.concat([gzipSync(Buffer.alloc(100_000)), gzipSync(Buffer.from('y'))]);
  assert.equal(gunzipSmall(lying), undefined);
  assert.equal((await unpackStream(lying, 1000)).length, 100_001);
});

test('who wants no more hears no more', async () => {
  let heard = 0;
  const stream = new GunzipStream({
    onUnpacked: (bytes) => {
      heard += bytes.length;
      if (heard > 1_000_000) stream.drop();
    },
    onRoom: () => {},
    onEnd: () => assert.fail('it was dropped'),
  });
  stream.push(gzipSync(Buffer.alloc(50_000_000)));
  stream.end();
  while (heard <= 1_000_000) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = heard;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(heard, before);
});
