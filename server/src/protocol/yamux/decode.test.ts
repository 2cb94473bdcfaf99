import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Random, fuzzSeed } from '../../../test/kits/random.ts';
import { encodeFrame } from '../../../test/support/yamux-raw-peer.ts';
import { FrameDecoder } from './decode.ts';
import { TYPE_DATA, TYPE_PING } from './frame.ts';

/** One line for each header and payload, however they were cut up. */
function decode(chunks: Iterable<Uint8Array>): string[] {
  const seen: string[] = [];
  let payload = '';
  const decoder = new FrameDecoder({
    onHeader: (h) => seen.push(`${h.type} ${h.flags} ${h.streamId} ${h.length}`),
    onPayload: (piece, isLast) => {
      payload += new TextDecoder().decode(piece);
      if (!isLast) return;
      seen.push(payload);
      payload = '';
    },
  });
  for (const chunk of chunks) decoder.push(chunk);
  assert.ok(decoder.isAtBoundary);
  return seen;
}

const frames = Buffer.concat([
  encodeFrame({ type: TYPE_DATA, flags: 1, id: 0xfffffffd, payload: 'hello' }),
  encodeFrame({ type: TYPE_PING, flags: 2, length: 0xffffffff }),
  encodeFrame({ type: TYPE_DATA, id: 1 }),
  encodeFrame({ type: TYPE_DATA, flags: 12, id: 256, payload: 'x'.repeat(1000) }),
]);
const expected = [
  '0 1 4294967293 5',
  'hello',
  '2 2 0 4294967295',
  '0 0 1 0',
  '0 12 256 1000',
  'x'.repeat(1000),
];

test('frames arrive in one piece', () => {
  assert.deepEqual(decode([frames]), expected);
});

test('frames arrive byte by byte', () => {
  assert.deepEqual(decode(Array.from(frames, (byte) => Uint8Array.of(byte))), expected);
});

const seed = fuzzSeed();
test(`frames arrive in random pieces, empty ones too (seed ${seed})`, () => {
  const random = new Random(seed);
  for (let round = 0; round < 500; round++) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < frames.length;) {
      const length = random.int(40);
      chunks.push(frames.subarray(at, at + length));
      at += length;
    }
    assert.deepEqual(decode(chunks), expected);
  }
});

test('a length is announced before its payload, and nothing is kept for it', () => {
  const decoder = new FrameDecoder({ onHeader: () => {}, onPayload: () => assert.fail() });
  decoder.push(encodeFrame({ type: TYPE_DATA, id: 1, length: 0xffffffff }));
  assert.equal(decoder.isAtBoundary, false);
});
