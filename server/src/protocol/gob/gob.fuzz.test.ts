import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzMs, fuzzSeed, Random } from '../../../test/kits/random.ts';
import { CodedError } from '../../base/errors.ts';
import {
  anyInt,
  array,
  basicRegistry,
  bool,
  bytes,
  complex,
  float,
  GobDecoder,
  GobEncoder,
  iface,
  int,
  lazy,
  map,
  pointer,
  slice,
  string,
  struct,
  time,
  timeFromMs,
  url,
  type Schema,
} from './index.ts';

const CODES = ['ERR_GOB_CORRUPT', 'ERR_GOB_LIMIT', 'ERR_GOB_TYPE'];
/** One decode of damaged bytes may not take longer, whatever they claim. */
const DECODE_MS_MAX = 2000;

interface Tree {
  Name: string;
  Children: Tree[];
  Named: Map<string, Tree | null>;
}
const tree: Schema<Tree> = struct('Tree', {
  Name: string,
  Children: slice(lazy(() => tree)),
  Named: map(string, pointer(lazy(() => tree))),
});
const registry = new Map<string, Schema<unknown>>([...basicRegistry, ['*main.Tree', tree]]);
const everything = struct('Everything', {
  Flag: bool,
  Count: int,
  Large: anyInt,
  Ratio: float,
  Point: complex,
  Raw: bytes,
  Text: string,
  Fixed: array(2, int),
  List: slice(struct('Pair', { Key: string, Value: iface(registry) })),
  Table: map(int, slice(float)),
  At: time,
  Link: pointer(url),
  Tree: pointer(tree),
});

const leaf = (Name: string): Tree => ({ Name, Children: [], Named: new Map() });

function sample(): Uint8Array[] {
  const encoder = new GobEncoder();
  const value = {
    Flag: true,
    Count: -300,
    Large: 2n ** 62n,
    Ratio: 0.1,
    Point: { re: 1, im: -2 },
    Raw: new Uint8Array(40),
    Text: 'text',
    Fixed: [1, 2],
    List: [
      { Key: 'a', Value: { type: 'int64', value: 5 } },
      { Key: 'b', Value: { type: '*main.Tree', value: leaf('c') } },
      { Key: '', Value: null },
    ],
    Table: new Map([[7, [0.5, 1]]]),
    At: timeFromMs(1_700_000_000_123),
    Link: 'https://host/path',
    Tree: { Name: 'r', Children: [leaf('x')], Named: new Map([['y', leaf('z')]]) },
  };
  return [encoder.encode(everything, value), encoder.encode(everything, value)];
}

/** Reads all that can be read; the outcome must be values or a coded error of gob, and quick. */
function readAll(stream: Uint8Array, read: (decoder: GobDecoder) => unknown): void {
  const decoder = new GobDecoder();
  const started = performance.now();
  decoder.feed(stream);
  try {
    for (let count = 0; count < 100 && read(decoder); count++);
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error instanceof Error ? error.stack : error));
    assert.ok(CODES.includes(error.code), error.code);
  }
  assert.ok(performance.now() - started < DECODE_MS_MAX, 'decoding took too long');
}

const readers: ReadonlyArray<(decoder: GobDecoder) => unknown> = [
  (decoder) => decoder.decode(everything),
  (decoder) => decoder.decodeAny(),
  (decoder) => decoder.skip(),
];

test('every truncation waits for more, and gives the same value when it comes', () => {
  const [first] = sample();
  const whole = new GobDecoder();
  whole.feed(first);
  const expected = whole.decode(everything);
  for (let length = 0; length < first.length; length++) {
    const decoder = new GobDecoder();
    decoder.feed(first.subarray(0, length));
    assert.equal(decoder.decode(everything), undefined);
    decoder.feed(first.subarray(length));
    assert.deepEqual(decoder.decode(everything), expected);
  }
});

test('every message cut short by its length gives a coded error', () => {
  // A message in which the length, rather than the stream, ends too early.
  const [first] = sample();
  for (let length = 1; length < 128; length++) {
    for (const read of readers) readAll(Uint8Array.of(length, ...first.subarray(2, 400)), read);
  }
});

test('every changed byte gives a value or a coded error', () => {
  const stream = Buffer.concat(sample());
  for (let at = 0; at < stream.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      const damaged = Uint8Array.from(stream);
      damaged[at] ^= change;
      for (const read of readers) readAll(damaged, read);
    }
  }
});

test('random damage gives a value or a coded error', (t) => {
  const seed = fuzzSeed();
  const random = new Random(seed);
  const stream = Buffer.concat(sample());
  const until = performance.now() + fuzzMs(1000);
  let runs = 0;
  while (performance.now() < until) {
    const damaged = damage(random, stream);
    try {
      for (const read of readers) readAll(damaged, read);
    } catch (error) {
      throw new Error(`seed ${seed}, run ${runs}: ${Buffer.from(damaged).toString('hex')}`, {
        cause: error,
      });
    }
    runs++;
  }
  t.diagnostic(`${runs} damaged streams, seed ${seed}`);
});

function damage(random: Random, stream: Uint8Array): Uint8Array {
  const damaged = [...stream];
  for (let count = 1 + random.int(6); count > 0; count--) {
    const at = random.int(damaged.length);
    const kind = random.int(4);
    if (kind === 0) damaged[at] = random.int(256);
    else if (kind === 1) damaged.splice(at, 1 + random.int(8));
    else if (kind === 2) damaged.splice(at, 0, random.int(256));
    else damaged.splice(at, 0, ...damaged.slice(at, at + random.int(20)));
  }
  return Uint8Array.from(damaged);
}

test('a small message cannot make a large value', () => {
  // 100 KB of empty structs, each of which would become an object of 200 fields.
  const wide = struct(
    'Wide',
    Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`F${i}`, int])),
  );
  const thin = struct('Wide', {});
  const encoder = new GobEncoder();
  const stream = encoder.encode(
    slice(thin),
    Array.from({ length: 100_000 }, () => ({})),
  );
  const decoder = new GobDecoder();
  decoder.feed(stream);
  assert.throws(
    () => decoder.decode(slice(wide)),
    (error) => error instanceof CodedError && error.code === 'ERR_GOB_LIMIT',
  );
});
