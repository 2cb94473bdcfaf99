import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../base/errors.ts';
import {
  anyInt,
  array,
  basicRegistry,
  bool,
  bytes,
  complex,
  fill,
  float,
  GobDecoder,
  GobEncoder,
  iface,
  int,
  int64,
  lazy,
  map,
  optional,
  pointer,
  slice,
  string,
  struct,
  time,
  timeFromMs,
  timeToMs,
  uint,
  uint64,
  url,
  zero,
  type Schema,
} from './index.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s+/g, ''), 'hex'));
const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof CodedError, String(error));
  assert.equal(error.code, expected, error.message);
  return true;
};

function roundTrip<T>(schema: Schema<T>, value: T): T {
  const decoder = new GobDecoder();
  decoder.feed(new GobEncoder().encode(schema, value));
  const result = decoder.decode(schema);
  assert.ok(result);
  assert.equal(decoder.bufferedBytes, 0);
  return result.value;
}

const point = struct('Point', { X: int, Y: int });
const POINT_BYTES = hex(`1f ff81 03 01 01 05 506f696e74 01 ff82 00 01 02 01 01 58 01 04 00
  01 01 59 01 04 00 00 00 07 ff82 01 2c 01 42 00`);

test("the example of Go's documentation, both ways", () => {
  const encoder = new GobEncoder();
  assert.deepEqual(encoder.encode(point, { X: 22, Y: 33 }), POINT_BYTES);
  assert.deepEqual(encoder.encode(point, { X: 22, Y: 33 }), hex('07 ff82 01 2c 01 42 00'));
  const decoder = new GobDecoder();
  decoder.feed(POINT_BYTES);
  assert.deepEqual(decoder.decode(point), { value: { X: 22, Y: 33 } });
  assert.deepEqual(new GobEncoder().encode(int, 3), hex('03 04 00 06'));
});

test('basic values keep every bit', () => {
  for (const value of [0, 1, -1, 63, 64, -65, 127, 128, -129, 2 ** 31, 2 ** 52, -(2 ** 53) + 1]) {
    assert.equal(roundTrip(int, value), value);
    assert.equal(roundTrip(anyInt, value), value);
  }
  for (const value of [0, 127, 128, 255, 256, 65_536, 2 ** 48 - 1, 2 ** 48, 2 ** 53 - 1]) {
    assert.equal(roundTrip(uint, value), value);
  }
  for (const value of [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 48n)]) {
    assert.equal(roundTrip(int64, value), value);
  }
  for (const value of [0n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, 2n ** 56n, 2n ** 56n - 1n]) {
    assert.equal(roundTrip(uint64, value), value);
  }
  for (const value of [0, 17, -0.1, 1e308, 5e-324, Infinity, NaN, -Infinity, 2 ** -1074]) {
    assert.equal(roundTrip(float, value), value);
  }
  assert.deepEqual(new GobEncoder().encode(float, 17), hex('05 08 00 fe3140'));
  assert.deepEqual(roundTrip(complex, { re: 1.5, im: -2 }), { re: 1.5, im: -2 });
  assert.equal(roundTrip(string, 'grüße 🎉\0'), 'grüße 🎉\0');
  assert.deepEqual(roundTrip(bytes, hex('00ff10')), hex('00ff10'));
});

test('containers, pointers and times', () => {
  const schema = struct('All', {
    List: slice(point),
    Fixed: array(2, slice(string)),
    Table: map(string, map(int, float)),
    Near: pointer(point),
    None: pointer(string),
    Flag: pointer(bool),
    At: time,
    Link: pointer(url),
  });
  const value = {
    List: [
      { X: 0, Y: 0 },
      { X: 1, Y: -1 },
    ],
    Fixed: [[], ['a', '']],
    Table: new Map([
      ['k', new Map([[7, 0.5]])],
      ['', new Map()],
    ]),
    Near: { X: 0, Y: 9 },
    None: null,
    Flag: true,
    At: { unixSeconds: 1_700_000_000, nanoseconds: 123_456_789, offsetSeconds: 3600 },
    Link: 'https://user@host:1/a%20b?c=d#e',
  };
  assert.deepEqual(roundTrip(schema, value), value);
  assert.deepEqual(roundTrip(schema, zero(schema)), zero(schema));
  assert.equal(timeToMs(roundTrip(time, timeFromMs(-1))), -1);
});

interface Node {
  Value: number;
  Next: Node | null;
  Children: Node[];
}
const node: Schema<Node> = struct('Node', {
  Value: int,
  Next: pointer(lazy(() => node)),
  Children: slice(lazy(() => node)),
});

test('recursive types', () => {
  const leaf = (Value: number): Node => ({ Value, Next: null, Children: [] });
  const value = { ...leaf(1), Next: { ...leaf(2), Next: leaf(3) }, Children: [leaf(4), leaf(5)] };
  assert.deepEqual(roundTrip(node, value), value);
});

test('fields are matched by name, missing and additional ones included', () => {
  const newer = struct('T', {
    Extra: map(string, slice(iface(basicRegistry))),
    A: int,
    More: node,
    B: string,
    When: time,
  });
  const older = struct('T', { B: string, C: bool, D: optional(bool), E: optional(slice(int)) });
  const decoder = new GobDecoder();
  const encoder = new GobEncoder();
  const Extra = new Map([['x', [{ type: 'int64', value: 5 }, null]]]);
  const value = fill(newer, { Extra, A: 3, B: 'b', When: timeFromMs(5) });
  for (let round = 0; round < 2; round++) {
    decoder.feed(encoder.encode(newer, value));
    const expected = { B: 'b', C: false, D: undefined, E: undefined };
    assert.deepEqual(decoder.decode(older)?.value, expected);
  }
});

test("optional tells a field that was left out from one that the sender's type lacks", () => {
  const ours = struct('T', { On: optional(bool), Name: optional(string) });
  const theirs = struct('T', { On: pointer(bool) });
  const decoder = new GobDecoder();
  decoder.feed(new GobEncoder().encode(theirs, { On: false }));
  assert.deepEqual(decoder.decode(ours)?.value, { On: false, Name: undefined });
});

test('interface values: registered, basic, nil, nested and unknown', () => {
  const registry = new Map<string, Schema<unknown>>([...basicRegistry, ['*main.Point', point]]);
  registry.set('[]interface {}', slice(iface(() => registry)));
  const any = iface(() => registry);
  const schema = struct('Holder', { A: any, B: any, C: any, D: any });
  const value = {
    A: { type: '*main.Point', value: { X: 1, Y: 0 } },
    B: {
      type: '[]interface {}',
      value: [{ type: 'string', value: '' }, null, { type: '*main.Point', value: { X: 0, Y: 2 } }],
    },
    C: null,
    D: { type: 'float64', value: 0 },
  };
  assert.deepEqual(roundTrip(schema, value), value);

  const poorer = struct('Holder', { A: iface(basicRegistry) });
  const decoder = new GobDecoder();
  const encoder = new GobEncoder();
  decoder.feed(encoder.encode(schema, value));
  const found = decoder.decode(poorer)?.value.A;
  assert.equal(found?.type, '*main.Point');
  assert.deepEqual({ ...(found?.value as object) }, { X: 1 });
  assert.ok(found);
  assert.deepEqual(roundTrip(any, found), { type: '*main.Point', value: { X: 1, Y: 0 } });
});

test('any split of the bytes, one byte at a time included, gives the same values', () => {
  const encoder = new GobEncoder();
  const values = [0, 1, 2].map((X) => ({ X, Y: X * 1000 }));
  const all = Buffer.concat([
    ...values.map((value) => encoder.encode(point, value)),
    encoder.encode(string, 'x'.repeat(300)),
  ]);
  for (const step of [1, 2, 3, 7, 50]) {
    const decoder = new GobDecoder();
    const found: unknown[] = [];
    for (let at = 0; at < all.length; at += step) {
      decoder.feed(all.subarray(at, at + step));
      for (;;) {
        const next: { value: unknown } | undefined =
          found.length < values.length ? decoder.decode(point) : decoder.decode(string);
        if (next === undefined) break;
        found.push(next.value);
      }
    }
    assert.deepEqual(found, [...values, 'x'.repeat(300)]);
  }
});

test('a value that does not fit is dropped, and the stream goes on', () => {
  const encoder = new GobEncoder();
  const decoder = new GobDecoder();
  decoder.feed(encoder.encode(point, { X: 1, Y: 2 }));
  decoder.feed(encoder.encode(string, 'next'));
  decoder.feed(encoder.encode(point, { X: 3, Y: 4 }));
  assert.throws(() => decoder.decode(struct('P', { Y: string })), code('ERR_GOB_TYPE'));
  assert.equal(decoder.skip(), true);
  assert.deepEqual(decoder.decode(point)?.value, { X: 3, Y: 4 });
  assert.equal(decoder.skip(), false);
});

test('what gob cannot send is an error that leaves the encoder usable', () => {
  const encoder = new GobEncoder();
  const cases: Array<() => unknown> = [
    () => encoder.encode(int, 1.5),
    () => encoder.encode(uint, -1),
    () => encoder.encode(uint64, 2n ** 64n),
    () => encoder.encode(slice(pointer(int)), [null]),
    () => encoder.encode(array(2, int), [1]),
    () => encoder.encode(iface(basicRegistry), { type: 'unheard', value: 1 }),
    () => encoder.encode(point, { X: NaN, Y: 0 }),
  ];
  for (const run of cases) assert.throws(run, code('ERR_GOB_VALUE'));
  const loop: Node = { Value: 1, Next: null, Children: [] };
  loop.Next = loop;
  assert.throws(() => encoder.encode(node, loop), code('ERR_GOB_LIMIT'));
  assert.deepEqual(encoder.encode(point, { X: 22, Y: 33 }), POINT_BYTES);
});

test('damaged streams give a coded error with its reason', () => {
  const cases: ReadonlyArray<readonly [string, string, string]> = [
    ['message of 2^40 bytes', 'fa 010000000000', 'ERR_GOB_LIMIT'],
    ['length of nine bytes', 'f7 000000000000000000', 'ERR_GOB_CORRUPT'],
    ['empty message', '00', 'ERR_GOB_CORRUPT'],
    ['unknown type id', '03 ff84 00', 'ERR_GOB_CORRUPT'],
    ['string longer than the message', '04 0c 00 7f 41', 'ERR_GOB_CORRUPT'],
    ['bytes after the value', '04 04 00 06 06', 'ERR_GOB_CORRUPT'],
    ['no zero before a single value', '03 04 01 06', 'ERR_GOB_CORRUPT'],
    ['type id 16 described again', '04 1f 03 00 00', 'ERR_GOB_CORRUPT'],
    ['a description of nothing', '03 ff81 00', 'ERR_GOB_CORRUPT'],
    ['a bool for an int', '03 02 00 01', 'ERR_GOB_TYPE'],
  ];
  for (const [name, text, expected] of cases) {
    const decoder = new GobDecoder();
    decoder.feed(hex(text));
    assert.throws(() => decoder.decode(int), code(expected), name);
  }
});

test('after damage every call throws the same error', () => {
  const decoder = new GobDecoder();
  decoder.feed(hex('04 04 00 06 06'));
  assert.throws(() => decoder.decode(int), code('ERR_GOB_CORRUPT'));
  decoder.feed(new GobEncoder().encode(int, 1));
  assert.throws(() => decoder.decode(int), code('ERR_GOB_CORRUPT'));
  assert.equal(decoder.bufferedBytes, 0);
});

test('types and values are bounded in number and depth', () => {
  let deepType: Schema<unknown> = int;
  for (let i = 0; i < 600; i++) deepType = slice(deepType, `S${i}`);
  const outer = struct('Outer', { A: int, Deep: deepType });
  const encoder = new GobEncoder();
  const decoder = new GobDecoder();
  decoder.feed(encoder.encode(outer, { A: 1, Deep: [] }));
  assert.throws(() => decoder.decode(struct('Outer', { A: int })), code('ERR_GOB_LIMIT'));

  const many = new GobDecoder();
  const types = new GobEncoder();
  assert.throws(() => {
    for (let i = 0; i < 5000; i++) {
      many.feed(types.encode(slice(bool, `T${i}`), []));
      many.skip();
    }
  }, code('ERR_GOB_LIMIT'));
});
