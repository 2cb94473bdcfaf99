import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Random, fuzzMs, fuzzSeed } from '../../../test/kits/random.ts';
import { parseDecimal } from './decimal.ts';

const encoder = new TextEncoder();

function parse(text: string): number | undefined {
  const bytes = encoder.encode(`"${text}"`);
  return parseDecimal(bytes, 1, bytes.length - 1);
}

test('reads what exporters write', () => {
  for (const text of [
    '0',
    '-0',
    '1',
    '+1',
    '12.5',
    '.5',
    '5.',
    '1.405599e+06',
    '18.38329517360116',
  ])
    assert.ok(Object.is(parse(text), Number(text)), text);
  for (const text of ['1E-05', '1.2345678901234567e+09', '0.30000000000000004'])
    assert.ok(Object.is(parse(text), Number(text)), text);
});

test('leaves everything else to others', () => {
  for (const text of ['', '-', '.', 'e5', '1e', '1e+', '1e5x', '1.2.3', '0x1', '1_0', 'NaN', 'Inf'])
    assert.equal(parse(text), undefined, text);
  for (const text of [
    '1e400',
    '1e23',
    '1e-23',
    '123456789012345678',
    '1e99999999999',
    '9007199254740993',
  ])
    assert.equal(parse(text), undefined, text);
});

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Doubles of everyday size and any bits, and numbers in the middle of two doubles. */
function randomNumber(random: Random): string {
  words[0] = random.next() * 2 ** 32;
  const exponent = 1023 - 30 + random.int(90);
  words[1] = (random.int(2) << 31) | (exponent << 20) | random.int(2 ** 20);
  const kind = random.int(5);
  if (kind === 0) return String(float[0]);
  if (kind === 1) return float[0].toExponential();
  if (kind === 2) return float[0].toPrecision(1 + random.int(19));
  if (kind === 3) return `${random.int(2 ** 31)}${random.int(2 ** 31)}`.slice(0, 17);
  const integer = (BigInt(words[1] & 0x1fffff) << 33n) | (BigInt(words[0]) << 1n) | 1n;
  return `${integer}e-${random.int(3)}`;
}

test('rounds as Number does, or leaves it to Number', (t) => {
  const seed = fuzzSeed();
  const random = new Random(seed);
  const endMs = Date.now() + fuzzMs(500);
  let read = 0;
  let left = 0;
  while (Date.now() < endMs || read + left < 1000) {
    const text = randomNumber(random);
    const value = parse(text);
    if (value === undefined) left++;
    else read++;
    if (value !== undefined) assert.ok(Object.is(value, Number(text)), `FUZZ_SEED=${seed} ${text}`);
  }
  t.diagnostic(`FUZZ_SEED=${seed}: ${read} read, ${left} left to others`);
  assert.ok(read > left);
});
