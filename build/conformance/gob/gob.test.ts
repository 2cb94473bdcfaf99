import assert from 'node:assert/strict';
import { execFileSync, type StdioOptions } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  GobDecoder,
  GobEncoder,
  iface,
  basicRegistry,
  string,
  struct,
  type Schema,
} from '../../../server/src/protocol/gob/index.ts';
import { Random, fuzzSeed } from '../../../server/test/kits/random.ts';
import { goBuild } from '../../support/go.ts';
import { frame, readFrames } from './frames.ts';
import { plain } from './plain.ts';
import { randomValue } from './random-values.ts';
import { part, toSchema, type Description } from './schemas.ts';
import { goSkip } from './skip.ts';

const STREAMS = 150;
const VALUES_PER_STREAM = 100;
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

interface Stream {
  types: Description[];
  values: Array<{ type: number; json: unknown }>;
  gob: Uint8Array;
}

const seed = fuzzSeed();

function buildRandom(): string {
  return goBuild({ dir: join(import.meta.dirname, 'random'), name: 'gob-random' });
}

function produce(program: string, streams: number, values: number): Stream[] {
  const args = ['produce', String(seed), String(streams), String(values)];
  const output = execFileSync(program, args, { maxBuffer: MAX_OUTPUT_BYTES });
  const frames = readFrames(output);
  const result: Stream[] = [];
  for (let i = 0; i < frames.length; i += 2) {
    const described = JSON.parse(frames[i].toString()) as Omit<Stream, 'gob'>;
    result.push({ ...described, gob: frames[i + 1] });
  }
  return result;
}

/** The type with some fields missing and one added, as an older or newer sender has it. */
function otherVersion(random: Random, type: Description, schema: Schema<unknown>): Schema<unknown> {
  if (type.kind !== 'struct') return schema;
  const fields = (type.fields ?? []).filter(() => random.int(3) > 0);
  const entries = fields.map((f): [string, Schema<unknown>] => [f.name, toSchema(f.type)]);
  return struct('Other', { Added: string, ...Object.fromEntries(entries) });
}

test("what Go's encoder writes, we read", { skip: goSkip }, (t) => {
  const program = buildRandom();
  let checked = 0;
  for (const [number, stream] of produce(program, STREAMS, VALUES_PER_STREAM).entries()) {
    const random = new Random(seed + number);
    const schemas = stream.types.map(toSchema);
    const others = stream.types.map((type, i) => otherVersion(random, type, schemas[i]));
    const decoders = [new GobDecoder(), new GobDecoder(), new GobDecoder()];
    for (const decoder of decoders) decoder.feed(stream.gob);
    for (const { type, json } of stream.values) {
      const where = `seed ${seed}, stream ${number}, value ${checked}`;
      const found = decoders[0].decode(schemas[type]);
      assert.ok(found, where);
      assert.deepEqual(plain(stream.types[type], found.value), json, where);
      const other = decoders[1].decode(others[type]);
      if (stream.types[type].kind === 'struct')
        compareFields(stream.types[type], other?.value, json);
      assert.equal(decoders[2].skip(), true, where);
      checked++;
    }
    for (const decoder of decoders) assert.equal(decoder.bufferedBytes, 0);
  }
  assert.ok(checked >= 10_000);
  t.diagnostic(`${checked} values, seed ${seed}`);
});

function compareFields(type: Description, value: unknown, json: unknown): void {
  const record = value as Record<string, unknown>;
  const expected = json as Record<string, unknown>;
  assert.equal(record['Added'], '');
  for (const field of part(type.fields ?? [])) {
    if (!(field.name in record)) continue;
    assert.deepEqual(plain(field.type, record[field.name], true), expected[field.name]);
  }
}

test("what our encoder writes, Go's decoder reads", { skip: goSkip }, (t) => {
  const program = buildRandom();
  const frames: Uint8Array[] = [];
  for (const [number, { types }] of produce(program, STREAMS, 0).entries()) {
    const random = new Random(seed * 31 + number);
    const schemas = types.map(toSchema);
    const encoder = new GobEncoder();
    const parts: Uint8Array[] = [];
    const values = Array.from({ length: VALUES_PER_STREAM }, () => {
      const type = random.int(types.length);
      const value = randomValue(random, types[type]);
      parts.push(encoder.encode(schemas[type], value));
      return { type, json: plain(types[type], value) };
    });
    frames.push(frame(Buffer.from(JSON.stringify({ values }))), frame(Buffer.concat(parts)));
  }
  const args = ['verify', String(seed), String(STREAMS)];
  const input = Buffer.concat(frames);
  const stdio: StdioOptions = ['pipe', 'pipe', 'inherit'];
  const checked = Number(
    execFileSync(program, args, { input, stdio, maxBuffer: MAX_OUTPUT_BYTES }),
  );
  assert.equal(checked, STREAMS * VALUES_PER_STREAM);
  t.diagnostic(`${checked} values, seed ${seed}`);
});

test('a value of unknown type survives a round trip by its description', { skip: goSkip }, (t) => {
  let checked = 0;
  for (const [number, stream] of produce(buildRandom(), 40, 50).entries()) {
    const original = new GobDecoder();
    const copy = new GobDecoder();
    const encoder = new GobEncoder();
    original.feed(stream.gob);
    for (const { type, json } of stream.values) {
      const described = original.decodeAny();
      assert.ok(described);
      copy.feed(encoder.encode(described.schema, described.value));
      const found = copy.decode(toSchema(stream.types[type]));
      const where = `seed ${seed}, stream ${number}, value ${checked}`;
      assert.deepEqual(found && plain(stream.types[type], found.value), json, where);
      checked++;
    }
  }
  t.diagnostic(`${checked} values, seed ${seed}`);
});

test('an interface value of a type unheard of is read by its description', () => {
  const registry = new Map<string, Schema<unknown>>([['main.X', struct('X', { A: string })]]);
  const decoder = new GobDecoder();
  decoder.feed(new GobEncoder().encode(iface(registry), { type: 'main.X', value: { A: 'a' } }));
  const found = decoder.decode(iface(basicRegistry))?.value;
  assert.equal(found?.type, 'main.X');
  assert.deepEqual({ ...(found?.value as object) }, { A: 'a' });
});
