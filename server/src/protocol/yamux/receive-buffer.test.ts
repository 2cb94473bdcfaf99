import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Random, fuzzSeed } from '../../../test/kits/random.ts';
import { ReceiveBuffer } from './receive-buffer.ts';

const seed = fuzzSeed();

test(`bytes come out as they went in (seed ${seed})`, () => {
  const random = new Random(seed);
  const buffer = new ReceiveBuffer();
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 5000; round++) {
    if (random.int(3) > 0) {
      const chunk = new Uint8Array(random.pick([1, 10, 300, 5000, 40_000]));
      const piece = chunk.subarray(0, 1 + random.int(chunk.length));
      for (let i = 0; i < piece.length; i++) piece[i] = pushed++ % 251;
      buffer.push(piece);
    } else {
      const got = buffer.shift() ?? new Uint8Array(0);
      assert.ok(got.every((byte) => byte === shifted++ % 251));
    }
    assert.equal(buffer.length, pushed - shifted);
  }
});

test('small pieces do not hold the chunks they came in, nor an object each', () => {
  const buffer = new ReceiveBuffer();
  for (let i = 0; i < 100_000; i++) buffer.push(new Uint8Array(64).subarray(0, 1));
  const held = new Set<ArrayBufferLike>();
  let count = 0;
  for (let chunk = buffer.shift(); chunk !== undefined; chunk = buffer.shift()) {
    held.add(chunk.buffer);
    count++;
  }
  const heldBytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.ok(heldBytes < 250_000, `${heldBytes} bytes for 100,000`);
  assert.ok(count < 100, `${count} pieces`);
});

test('bytes that were taken are not written to again', () => {
  const buffer = new ReceiveBuffer();
  for (let i = 0; i < 10; i++) buffer.push(Uint8Array.of(1));
  const taken: Uint8Array[] = [];
  for (let i = 0; i < 50; i++) {
    const chunk = buffer.shift();
    if (chunk !== undefined) taken.push(chunk);
    buffer.push(Uint8Array.of(2));
    buffer.push(Uint8Array.of(3));
  }
  const all = taken.flatMap((chunk) => [...chunk]);
  assert.deepEqual(
    all.slice(0, 10),
    Array.from({ length: 10 }, () => 1),
  );
  assert.ok(all.slice(10).every((byte, i) => byte === (i % 2 === 0 ? 2 : 3)));
});
