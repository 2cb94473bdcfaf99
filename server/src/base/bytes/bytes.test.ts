import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { copyBytes } from './copy-bytes.ts';
import { crc32c } from './crc32c.ts';
import { sameBytes, viewOf } from './same-bytes.ts';
import { TextCache } from './text-cache.ts';

const EDGES = [0, 1, 63, 64, 127, 128, 16383, 16384, 2 ** 28 - 1, 2 ** 30, 2 ** 31 - 1, 2 ** 31];
const WIDE_EDGES = [...EDGES, 2 ** 32 - 1, 2 ** 32, 2 ** 35, 2 ** 49, 2 ** 53 - 1];

test('unsigned varints round-trip and match the LEB128 of a BigInt', () => {
  for (const value of WIDE_EDGES) {
    const writer = new ByteWriter(1);
    writer.uvarint(value);
    const expected: number[] = [];
    let rest = BigInt(value);
    for (; rest > 0x7fn; rest >>= 7n) expected.push(Number(rest & 0x7fn) | 0x80);
    expected.push(Number(rest));
    assert.deepEqual([...writer.copy()], expected);
    assert.equal(new ByteReader(writer.copy()).uvarint(), value);
  }
});

test('signed varints round-trip on both sides of every width', () => {
  for (const edge of WIDE_EDGES) {
    for (const value of [edge, -edge, -edge - 1].filter(Number.isSafeInteger)) {
      const writer = new ByteWriter(1);
      writer.varint(value);
      assert.equal(new ByteReader(writer.copy()).varint(), value === 0 ? 0 : value);
    }
  }
});

test('64-bit numbers keep sign and all 53 bits', () => {
  for (const edge of WIDE_EDGES) {
    for (const value of [edge, -edge].filter((v) => v !== 0)) {
      const writer = new ByteWriter();
      writer.i64(value);
      assert.equal(new DataView(writer.copy().buffer).getBigInt64(0), BigInt(value));
      assert.equal(new ByteReader(writer.copy()).i64(), value);
    }
  }
});

test('text of any length and script round-trips with its length in front', () => {
  for (const text of [
    '',
    'up',
    'ü'.repeat(42),
    'ü'.repeat(43),
    '😀'.repeat(21),
    'x'.repeat(5000),
  ]) {
    const writer = new ByteWriter(1);
    writer.uvarintText(text);
    assert.equal(new ByteReader(writer.copy()).uvarintText(), text);
  }
});

test('numbers that do not fit in 53 bits are refused, not rounded', () => {
  const full = new Uint8Array(8).fill(0x7f);
  assert.throws(
    () => new ByteReader(full).u64(),
    (error) => hasCode(error, 'ERR_NUMBER_RANGE'),
  );
  const varint = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
  assert.throws(
    () => new ByteReader(varint).uvarint(),
    (error) => hasCode(error, 'ERR_NUMBER_RANGE'),
  );
});

test('a varint that never ends is refused after ten bytes', () => {
  const endless = new Uint8Array(64).fill(0x80);
  for (const read of ['uvarint', 'varint'] as const) {
    assert.throws(
      () => new ByteReader(endless)[read](),
      (error) => hasCode(error, 'ERR_VARINT'),
    );
  }
});

test('a read past the end says where and how much was missing', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3), 1);
  assert.throws(() => reader.u32(), {
    code: 'ERR_SHORT_READ',
    details: { offset: 1, expectedBytes: 4, foundBytes: 2 },
  });
  assert.equal(reader.offset, 1, 'a failed read leaves the position alone');
});

test('crc32c gives the values of RFC 3720, appendix B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(crc32c(ascending), 0x46dd794e);
});

test('crc32c goes on from a previous value at any split', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 37) & 0xff);
  const whole = crc32c(bytes);
  for (let split = 0; split <= bytes.length; split++) {
    assert.equal(crc32c(bytes, split, bytes.length, crc32c(bytes, 0, split)), whole);
  }
});

test('a text cache gives the text of the bytes, however many texts it has seen', () => {
  const cache = new TextCache();
  const texts = ['', 'a', 'Zähler', '日本語', '\u{1f600}', '\ufefftext', 'x'.repeat(500)];
  for (let i = 0; i < 10_000; i++) texts.push(`value ${i}`);
  for (let round = 0; round < 2; round++) {
    for (const text of texts) {
      const bytes = new TextEncoder().encode(`<${text}>`);
      assert.equal(cache.text(bytes, 1, bytes.length - 1), text);
    }
  }
  const bytes = Uint8Array.of(0x61, 0xff, 0x61);
  assert.equal(cache.text(bytes, 0, 3), 'a\ufffda');
  bytes[1] = 0x62;
  assert.equal(cache.text(bytes, 0, 3), 'aba', 'it keeps bytes of its own');
});

test('compares bytes as bytes, whatever number eight of them make', () => {
  const nan = [1, 2, 3, 4, 5, 6, 0xf8, 0x7f];
  const texts = [[], [1], [...nan], [...nan, 1], [1, ...nan, ...nan], Array<number>(17).fill(0)];
  for (const text of texts) {
    const padded = viewOf(Uint8Array.of(9, 9, 9, ...text, 9));
    assert.ok(sameBytes(viewOf(Uint8Array.from(text)), 0, padded, 3, text.length), `${text}`);
    for (let at = 0; at < text.length; at++) {
      const other = Uint8Array.from(text);
      other[at] ^= 0x80;
      assert.ok(!sameBytes(viewOf(other), 0, padded, 3, text.length), `${text} at ${at}`);
    }
  }
});

test('what is kept of one of Node’s Buffers has memory of its own', () => {
  const bytes = Buffer.from('kept');
  const copy = copyBytes(bytes, 1, 3);
  const read = new ByteReader(bytes).copy(4);
  const cache = new TextCache();
  assert.equal(cache.text(bytes, 0, 4), 'kept');
  bytes.fill('x');
  assert.deepEqual(
    [copy, read].map((each) => new TextDecoder().decode(each)),
    ['ep', 'kept'],
  );
  assert.equal(cache.text(bytes, 0, 4), 'xxxx');
});
