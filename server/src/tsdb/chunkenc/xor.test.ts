import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { fuzzMs, Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { encodePlainXor } from '../../../test/support/plain-xor.ts';
import { CodedError } from '../../base/errors.ts';
import { STALE_NAN_HI, STALE_NAN_LO } from '../../model/stale.ts';
import { XorChunkBuilder } from './xor-chunk.ts';
import {
  appendXor,
  putXorHeader,
  resetXor,
  XOR_SAMPLE_BYTES_MAX,
  XOR_STATE_DOUBLES,
  xorLength,
} from './xor-encoder.ts';
import { XorIterator } from './xor-iterator.ts';

type Sample = readonly [timeMs: number, hi: number, lo: number];

const view = new DataView(new ArrayBuffer(8));

function sample(timeMs: number, value: number): Sample {
  view.setFloat64(0, value);
  return [timeMs, view.getInt32(0), view.getInt32(4)];
}

function encode(samples: readonly Sample[]): Uint8Array {
  const builder = new XorChunkBuilder();
  for (const [timeMs, hi, lo] of samples) builder.append(timeMs, hi, lo);
  return builder.borrow().slice();
}

function decode(chunk: Uint8Array): Sample[] {
  const iterator = new XorIterator().reset(chunk);
  const samples: Sample[] = [];
  while (iterator.next()) {
    samples.push([iterator.timeMs, iterator.valueHi | 0, iterator.valueLo | 0]);
  }
  return samples;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** As the head does it: the chunk moves to other, dirty memory whenever it likes. */
function encodeOnTheMove(samples: readonly Sample[]): Uint8Array {
  const doubles = new Float64Array(XOR_STATE_DOUBLES);
  const ints = new Int32Array(doubles.buffer);
  resetXor(doubles, ints, 0);
  let bytes = new Uint8Array(0);
  for (const [timeMs, hi, lo] of samples) {
    const length = xorLength(ints, 0);
    const moved = new Uint8Array(length + XOR_SAMPLE_BYTES_MAX).fill(0xff);
    moved.set(bytes.subarray(0, length));
    bytes = moved;
    appendXor(doubles, ints, 0, bytes, 0, Float64Array.of(timeMs), 0, hi, lo);
  }
  putXorHeader(ints, 0, bytes, 0);
  return bytes.subarray(0, xorLength(ints, 0));
}

/** Samples of all shapes that make the encoder take each of its ways. */
function randomSamples(random: Random): Sample[] {
  const count = 1 + random.below(random.pick([1, 2, 3, 10, 200]));
  let timeMs = random.pick([
    0,
    -1,
    1,
    1795334400000,
    -62135596800000,
    2 ** 50,
    random.below(2 ** 40),
  ]);
  const steps = [1, 15000, 8192, 65536, 524288, 10_000_000, 2 ** 33];
  let step = 15000;
  let value = 0;
  const samples: Sample[] = [];
  for (let i = 0; i < count; i++) {
    switch (random.below(8)) {
      case 0:
        samples.push([timeMs, STALE_NAN_HI, STALE_NAN_LO]);
        break;
      case 1:
        samples.push([timeMs, random.below(2 ** 32) | 0, random.below(2 ** 32) | 0]);
        break;
      case 2:
        samples.push([timeMs, 0, 1 << random.below(32)]);
        break;
      default:
        value = random.pick([value, value + 1, random.next(), -value, 1 / 0, NaN, 1e300]);
        samples.push(sample(timeMs, value));
    }
    if (random.below(4) === 0) step = 1 + random.below(random.pick(steps) * 2);
    timeMs += step;
  }
  return samples;
}

describe('XOR chunks', () => {
  it('have the bytes that Prometheus writes', () => {
    // Offset, bytes, meaning:
    //  0  0003              three samples
    //  2  80a0a7a4c068      t0 = 1795334400000, zig-zag
    //  8  3ff8000000000000  v0 = 1.5
    // 16  9875              t1 - t0 = 15000
    // 18  3683 in bits:
    //     0                 v1 = v0
    //     0                 t2 - t1 = t1 - t0
    //     11 01101 000001 1 v2 = 1.75: a new window behind 13 zeros, one bit, which is 1
    const chunk = encode([
      sample(1795334400000, 1.5),
      sample(1795334415000, 1.5),
      sample(1795334430000, 1.75),
    ]);
    assert.equal(hex(chunk), '000380a0a7a4c0683ff800000000000098753683');
  });

  it('keep an empty last byte behind whole bytes, and none behind single bits', () => {
    const whole = encode([sample(0, 1)]);
    assert.equal(whole.length, 2 + 1 + 8 + 1);
    assert.equal(whole.at(-1), 0);
    const bits = encode(Array.from({ length: 5 }, (_, i) => sample(i, 1)));
    // 2 + 1 + 8 bytes, then 8 + 1 + 3 × 2 bits.
    assert.equal(bits.length, 11 + 2);
  });

  it('keep the stale marker bit for bit', () => {
    const samples: Sample[] = [
      sample(1000, 42),
      [2000, STALE_NAN_HI, STALE_NAN_LO],
      sample(3000, 43),
    ];
    assert.deepEqual(decode(encode(samples)), samples);
  });

  it('equal those of the plain bit-by-bit encoder, and come back', (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    const end = performance.now() + fuzzMs();
    for (let run = 0; run < 200 || performance.now() < end; run++) {
      const samples = randomSamples(random);
      const chunk = encode(samples);
      assert.equal(hex(chunk), hex(encodePlainXor(samples)), `SEED=${random.seed} run ${run}`);
      assert.equal(hex(encodeOnTheMove(samples)), hex(chunk), `SEED=${random.seed} run ${run}`);
      assert.deepEqual(decode(chunk), samples, `SEED=${random.seed} run ${run}`);
    }
  });

  it('answer damage with ERR_CHUNK_CORRUPT or other samples, never with anything else', (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    for (let run = 0; run < 500; run++) {
      const chunk = encode(randomSamples(random));
      const bad = chunk.slice(0, random.below(chunk.length + 1));
      for (let flips = random.below(4); flips > 0 && bad.length > 0; flips--) {
        bad[random.below(bad.length)] ^= 1 << random.below(8);
      }
      try {
        assert.ok(decode(bad).length <= 65535);
      } catch (error) {
        assert.ok(error instanceof CodedError, `SEED=${random.seed} run ${run}: ${error}`);
        assert.equal(error.code, 'ERR_CHUNK_CORRUPT');
      }
    }
  });

  const good = encode(Array.from({ length: 5 }, (_, i) => sample(i * 15000, i)));
  for (const [title, chunk, message] of [
    ['an empty chunk', new Uint8Array(0), /too short for its header/],
    ['half a header', good.subarray(0, 1), /too short for its header/],
    ['a cut value', good.subarray(0, 7), /ends too early/],
    [
      'more samples announced than there are',
      Uint8Array.of(255, 255, ...good.subarray(2)),
      /ends too early/,
    ],
    ['an endless time', Uint8Array.of(0, 1, ...new Uint8Array(20).fill(255)), /out of range/],
  ] as const) {
    it(`name ${title}`, () => {
      assert.throws(() => decode(chunk), message);
    });
  }
});
