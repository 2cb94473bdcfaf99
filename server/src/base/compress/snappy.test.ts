import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { CodedError } from '../errors.ts';
import { decodeSnappy } from './snappy.ts';

const MAX = 1024 * 1024;

function text(value: string): number[] {
  return [...new TextEncoder().encode(value)];
}

function decoded(...bytes: number[]): string {
  return new TextDecoder().decode(decodeSnappy(Uint8Array.from(bytes), MAX));
}

describe('snappy blocks', () => {
  it('are decoded', () => {
    assert.equal(decoded(0), '');
    assert.equal(decoded(3, 2 << 2, ...text('abc')), 'abc');
    // A literal of 61 bytes has its length behind the tag.
    const long = 'x'.repeat(61);
    assert.equal(decoded(61, 60 << 2, 60, ...text(long)), long);
    // Copies with one, two and four bytes of offset.
    assert.equal(decoded(7, 2 << 2, ...text('abc'), 0b000_000_01, 3), 'abcabca');
    assert.equal(decoded(6, 2 << 2, ...text('abc'), (2 << 2) | 2, 3, 0), 'abcabc');
    assert.equal(decoded(6, 2 << 2, ...text('abc'), (2 << 2) | 3, 3, 0, 0, 0), 'abcabc');
    // A copy that overlaps what it writes repeats.
    assert.equal(decoded(8, 0, ...text('a'), (6 << 2) | 2, 1, 0), 'aaaaaaaa');
  });

  it('use the buffer that is lent when it is large enough', () => {
    const into = new Uint8Array(10);
    const result = decodeSnappy(Uint8Array.from([3, 2 << 2, ...text('abc')]), MAX, into);
    assert.equal(result.buffer, into.buffer);
    assert.equal(result.length, 3);
  });

  for (const [title, bytes, message] of [
    ['nothing', [], /length is damaged/],
    ['an endless length', [255, 255, 255, 255, 255, 255], /length is damaged/],
    ['a huge length', [255, 255, 255, 255, 15], /too long/],
    ['a literal beyond the input', [3, 2 << 2, 97], /literal is too long/],
    ['a literal beyond the output', [1, 2 << 2, 97, 98, 99], /literal is too long/],
    ['a missing literal length', [61, 60 << 2], /ends too early/],
    ['a copy from before the start', [4, 0, 97, 1, 9], /reaches outside/],
    ['a copy from nowhere', [5, 0, 97, 1, 0], /reaches outside/],
    ['a copy beyond the output', [2, 0, 97, (9 << 2) | 2, 1, 0], /reaches outside/],
    ['a missing offset', [9, 0, 97, (6 << 2) | 2, 1], /ends too early/],
    ['less than announced', [9, 0, 97], /ends too early/],
  ] as const) {
    it(`name ${title}`, () => {
      assert.throws(
        () => decodeSnappy(Uint8Array.from(bytes), MAX),
        (error) =>
          error instanceof CodedError && error.code === 'ERR_SNAPPY' && message.test(error.message),
      );
    });
  }

  it('are bounded whatever comes in', (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    for (let run = 0; run < 5000; run++) {
      const input = random.bytes(random.below(60));
      try {
        assert.ok(decodeSnappy(input, 1000).length <= 1000);
      } catch (error) {
        assert.ok(error instanceof CodedError, `SEED=${random.seed} run ${run}: ${String(error)}`);
      }
    }
  });
});
