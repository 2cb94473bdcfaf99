import assert from 'node:assert/strict';
import { test } from 'node:test';

import { viewOf } from '../../base/bytes/same-bytes.ts';
import { CodedError } from '../../base/errors.ts';
import { randomExposition } from '../../../test/kits/exposition-text.ts';
import { naiveParse } from '../../../test/kits/naive-text-parser.ts';
import { Random, fuzzMs, fuzzSeed } from '../../../test/kits/random.ts';
import { END, SAMPLE } from './entries.ts';
import { TextParser } from './text-parser.ts';

interface Read {
  readonly key: Uint8Array;
  readonly labels: Record<string, string>;
  readonly value: number;
  readonly timestampMs: number | undefined;
}

/** The samples, or undefined when the parser refuses the text; any other error goes through. */
function read(bytes: Uint8Array): Read[] | undefined {
  const parser = new TextParser(bytes);
  const samples: Read[] = [];
  try {
    for (let entry = parser.next(); entry !== END; entry = parser.next()) {
      if (entry !== SAMPLE) continue;
      samples.push({
        key: bytes.slice(parser.seriesStart, parser.seriesEnd),
        labels: Object.fromEntries(parser.labelPairs()),
        ...current(parser),
      });
    }
  } catch (error) {
    if (error instanceof CodedError && error.code.startsWith('ERR_EXPOSITION')) return undefined;
    throw error;
  }
  return samples;
}

function current(parser: TextParser): Pick<Read, 'value' | 'timestampMs'> {
  return {
    value: parser.value,
    timestampMs: parser.hasTimestamp ? parser.timestampMs : undefined,
  };
}

/**
 * Reads `bytes` again by `nextKnown`; only comments, blank lines and samples behind one, and samples
 * that are indented (allowed before `{`) are left to `next`.
 */
function readKnown(bytes: Uint8Array, samples: Read[]): void {
  const parser = new TextParser(bytes);
  for (const sample of samples) {
    while (!parser.nextKnown(viewOf(sample.key), 0, sample.key.length)) {
      if (parser.next() !== SAMPLE) continue;
      const before = Buffer.from(bytes.subarray(0, parser.seriesStart)).toString('latin1');
      assert.match(before, /(^|\n)[ \t]*\n$|[ \t]$/, 'the series is known, but was not recognized');
      break;
    }
    const expected = { value: sample.value, timestampMs: sample.timestampMs };
    assert.deepEqual(current(parser), expected);
  }
}

test('agrees with the naive parser on random and damaged text', (t) => {
  const seed = fuzzSeed();
  const random = new Random(seed);
  const endMs = Date.now() + fuzzMs(700);
  let good = 0;
  let bad = 0;
  while (Date.now() < endMs || good === 0 || bad === 0) {
    const bytes = randomExposition(random);
    const samples = read(bytes);
    const plain = samples?.map(({ labels, value, timestampMs }) => ({
      labels,
      value,
      timestampMs,
    }));
    assert.deepEqual(
      plain,
      naiveParse(bytes),
      `FUZZ_SEED=${seed} ${JSON.stringify(String(bytes))}`,
    );
    if (samples === undefined) {
      bad++;
    } else {
      good++;
      readKnown(bytes, samples);
    }
  }
  t.diagnostic(`FUZZ_SEED=${seed}: ${good} texts read, ${bad} refused`);
});

test('agrees with the naive parser on every cut of a text', () => {
  const text = '# HELP a ż\n# TYPE a gauge\na{b="ż\\"",c="}"} 1.5e3 123\n\nb +Inf\n';
  const bytes = new TextEncoder().encode(text);
  for (let end = 0; end <= bytes.length; end++) {
    const cut = bytes.slice(0, end);
    const samples = read(cut)?.map(({ labels, value, timestampMs }) => ({
      labels,
      value,
      timestampMs,
    }));
    assert.deepEqual(samples, naiveParse(cut), `cut at ${end}`);
  }
});
