import assert from 'node:assert/strict';
import { execFileSync, type StdioOptions } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  GobDecoder,
  GobEncoder,
  type InterfaceValue,
} from '../../../server/src/protocol/gob/index.ts';
import { configSchema } from '../../../server/src/protocol/mattermost/model/config.ts';
import { fuzzSeed } from '../../../server/test/kits/random.ts';
import { goBuild } from '../../support/go.ts';
import { readFrames } from './frames.ts';
import { goSkip } from './skip.ts';

/** Releases of server/public; the newest is the one of go.mod. */
const VERSIONS = ['v0.4.2', 'v0.1.4', 'v0.0.14'] as const;
const CONFIGS = 200;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const stdio: StdioOptions = ['pipe', 'pipe', 'inherit'];

interface Document {
  fields: Record<string, string[]>;
  values: Array<Record<string, Record<string, unknown>>>;
}

const seed = fuzzSeed();

function build(version: string): string {
  const flags = version === VERSIONS[0] ? [] : [`-modfile=${version}.mod`];
  const dir = join(import.meta.dirname, 'config');
  return goBuild({ dir, name: `gob-config-${version}`, flags });
}

/** A decoded value in the form that `plain` of config/main.go gives it. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  }
  if (typeof value !== 'object' || value === null) return value;
  if (isInterfaceValue(value)) return { type: value.type, value: plain(value.value) };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function isInterfaceValue(value: object): value is InterfaceValue {
  return 'type' in value && 'value' in value;
}

for (const version of VERSIONS) {
  test(`the whole model.Config of ${version}, both ways`, { skip: goSkip }, (t) => {
    const program = build(version);
    const args = [String(seed), String(CONFIGS)];
    const output = execFileSync(program, ['produce', ...args], { maxBuffer: MAX_OUTPUT_BYTES });
    const [json, gob] = readFrames(output);
    const { fields, values } = JSON.parse(json.toString()) as Document;
    const decoder = new GobDecoder();
    const typed = new GobDecoder();
    const encoder = new GobEncoder();
    decoder.feed(gob);
    typed.feed(gob);
    const copies: Uint8Array[] = [];
    for (const [index, expected] of values.entries()) {
      const found = decoder.decodeAny();
      assert.ok(found);
      assert.deepEqual(plain(found.value), expected, `seed ${seed}, config ${index}`);
      copies.push(encoder.encode(found.schema, found.value));
      compareTyped(typed.decode(configSchema)?.value, expected, fields);
    }
    const input = Buffer.concat(copies);
    const checked = execFileSync(program, ['verify', ...args], { input, stdio });
    assert.equal(Number(checked), CONFIGS);
    t.diagnostic(`${CONFIGS} configs of ${Object.keys(fields).length} sections, seed ${seed}`);
  });
}

/** What our own part of the config says of each setting: its value, its zero, or "unknown there". */
function compareTyped(config: object | undefined, expected: Document['values'][0], fields: object) {
  assert.ok(config);
  for (const [section, settings] of Object.entries(config)) {
    const known = new Set((fields as Document['fields'])[section] ?? []);
    for (const [name, value] of Object.entries(settings as object)) {
      if (name === 'Plugins') continue;
      const sent = expected[section][name];
      if (!known.has(name)) assert.equal(value, undefined, `${section}.${name}`);
      else if (sent === undefined) assert.ok(isZero(value), `${section}.${name}: ${String(value)}`);
      else if (typeof value === 'number') assert.equal(value, Number(sent), `${section}.${name}`);
      else assert.deepEqual(withoutZeros(plain(value)), withoutZeros(sent), `${section}.${name}`);
    }
  }
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === 0 || value === '' || value === false;
}

/** Our objects name every field, Go's only those that gob sends. */
function withoutZeros(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== false);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutZeros(item)]));
}
