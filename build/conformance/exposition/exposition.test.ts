import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { CodedError } from '../../../server/src/base/errors.ts';
import {
  END,
  type ExpositionParser,
  SAMPLE,
} from '../../../server/src/ingest/exposition/entries.ts';
import { OpenMetricsParser } from '../../../server/src/ingest/exposition/openmetrics-parser.ts';
import { TextParser } from '../../../server/src/ingest/exposition/text-parser.ts';
import { duplicateName } from '../../../server/src/ingest/scrape/target-labels.ts';
import { randomExposition, randomOpenMetrics } from '../../../server/test/kits/exposition-text.ts';
import { Random, fuzzSeed } from '../../../server/test/kits/random.ts';
import published from '../../../server/test/testdata/openmetrics/parser-cases.json' with { type: 'json' };
import { goBuild } from '../../support/go.ts';
import { goSkip } from '../gob/skip.ts';

const TEXTS = 20_000;
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

interface Sample {
  labels: Record<string, string>;
  /** Bits of the value in hexadecimal. */
  value: string;
  time?: string;
}

/** What we make of a text, in the form in which the Go program answers; undefined: refused. */
function ours(parser: ExpositionParser): Sample[] | undefined {
  const samples: Sample[] = [];
  try {
    for (let entry = parser.next(); entry !== END; entry = parser.next()) {
      if (entry !== SAMPLE) continue;
      const pairs = parser.labelPairs();
      if (duplicateName(pairs) !== undefined) return undefined;
      const sample: Sample = { labels: Object.fromEntries(pairs), value: bits(parser.value) };
      if (parser.hasTimestamp) sample.time = capped(String(parser.timestampMs));
      samples.push(sample);
    }
  } catch (error) {
    if (error instanceof CodedError && error.code.startsWith('ERR_EXPOSITION')) return undefined;
    throw error;
  }
  return samples;
}

/** Prometheus's one ordinary NaN is what storage writes for any NaN but the stale marker. */
function bits(value: number): string {
  if (Number.isNaN(value)) return '7ff8000000000001';
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

function theirs(program: string, format: string, texts: Uint8Array[]): (Sample[] | undefined)[] {
  const input = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return [length, text];
  });
  const options = { input: Buffer.concat(input), maxBuffer: MAX_OUTPUT_BYTES };
  const { status, stdout, stderr } = spawnSync(program, [format], options);
  assert.equal(status, 0, stderr.toString());
  const lines = stdout.toString().trimEnd().split('\n');
  return lines.map((line) => {
    const answer = JSON.parse(line) as { error?: string; samples: Sample[] };
    if (answer.error !== undefined) return undefined;
    return answer.samples.map((one) => ({ ...one, ...(one.time && { time: capped(one.time) }) }));
  });
}

/** Beyond 53 bits all times are one to us; storage refuses each of them as too far ahead. */
function capped(time: string): string {
  const latest = BigInt(Number.MAX_SAFE_INTEGER);
  const magnitude = BigInt(time) < 0n ? -BigInt(time) : BigInt(time);
  return magnitude >= latest ? 'beyond' : time;
}

/** NUL bytes end a text for Prometheus or are passed over, depending on the place; not for us. */
function hasNul(text: Uint8Array): boolean {
  return text.includes(0);
}

/** Prometheus 3 writes bounds anew (`1` as `1.0`), Prometheus 2 and we keep them as they are. */
function withNumbers(samples: Sample[] | undefined): Sample[] | undefined {
  const number = ([name, value]: [string, string]): [string, string] =>
    name === 'le' || name === 'quantile' ? [name, String(Number(value))] : [name, value];
  return samples?.map((sample) => ({
    ...sample,
    labels: Object.fromEntries(Object.entries(sample.labels).map(number)),
  }));
}

function goProgram(): string {
  return goBuild({ dir: join(import.meta.dirname, 'prometheus'), name: 'exposition-prometheus' });
}

interface Format {
  readonly name: string;
  readonly random: (random: Random) => Uint8Array;
  readonly parser: (text: Uint8Array) => ExpositionParser;
}

const FORMATS: readonly Format[] = [
  { name: 'text', random: randomExposition, parser: (text) => new TextParser(text) },
  { name: 'openmetrics', random: randomOpenMetrics, parser: (text) => new OpenMetricsParser(text) },
];

test(
  'the published texts for OpenMetrics mean to us what they mean to Prometheus',
  { skip: goSkip },
  (t) => {
    const texts = published.map(({ text }) => Buffer.from(text)).filter((text) => !hasNul(text));
    const expected = theirs(goProgram(), 'openmetrics', texts);
    texts.forEach((text, index) => {
      const found = ours(new OpenMetricsParser(text));
      assert.deepEqual(withNumbers(found), withNumbers(expected[index]), text.toString());
    });
    const read = expected.filter((samples) => samples !== undefined).length;
    t.diagnostic(`${texts.length} texts, ${read} read by both`);
  },
);

for (const { name, random: randomText, parser } of FORMATS) {
  test(`${name} means to us what it means to Prometheus`, { skip: goSkip }, (t) => {
    const program = goProgram();
    const seed = fuzzSeed();
    const random = new Random(seed);
    const texts: Uint8Array[] = [];
    while (texts.length < TEXTS) {
      const text = randomText(random);
      if (!hasNul(text)) texts.push(text);
    }
    let accepted = 0;
    let samples = 0;
    for (const [index, expected] of theirs(program, name, texts).entries()) {
      const text = Buffer.from(texts[index]).toString('latin1');
      const found = ours(parser(texts[index]));
      assert.deepEqual(found, expected, `FUZZ_SEED=${seed} ${JSON.stringify(text)}`);
      if (expected !== undefined) accepted++;
      samples += expected?.length ?? 0;
    }
    const refused = TEXTS - accepted;
    t.diagnostic(
      `FUZZ_SEED=${seed}: ${accepted} with ${samples} samples, ${refused} refused by both`,
    );
  });
}
