import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { viewOf } from '../../base/bytes/same-bytes.ts';
import { CodedError } from '../../base/errors.ts';
import { randomOpenMetrics } from '../../../test/kits/exposition-text.ts';
import { Random, fuzzMs, fuzzSeed } from '../../../test/kits/random.ts';
import { LINE_BYTES_MAX } from '../limits.ts';
import { END, HELP, SAMPLE, TYPE, UNIT } from './entries.ts';
import { OpenMetricsParser } from './openmetrics-parser.ts';

const encoder = new TextEncoder();

interface Published {
  readonly name: string;
  readonly isValid: boolean;
  readonly text: string;
}

interface Read {
  readonly key: Uint8Array;
  readonly entry: string;
}

function sampleOf(parser: OpenMetricsParser): string {
  const time = parser.hasTimestamp ? ` @${parser.timestampMs}` : '';
  return `${parser.value}${time}`;
}

/** All entries as text, with the text of the series for samples. */
function read(bytes: Uint8Array): Read[] {
  const parser = new OpenMetricsParser(bytes);
  const all: Read[] = [];
  for (let kind = parser.next(); kind !== END; kind = parser.next()) {
    if (kind === SAMPLE) {
      const key = bytes.slice(parser.seriesStart, parser.seriesEnd);
      all.push({ key, entry: `${JSON.stringify(parser.labelPairs())} ${sampleOf(parser)}` });
    } else {
      const word = { [HELP]: 'HELP', [TYPE]: 'TYPE', [UNIT]: 'UNIT' }[kind as number];
      all.push({ key: new Uint8Array(0), entry: `${word} ${parser.name()}: ${parser.text()}` });
    }
  }
  return all;
}

const entries = (text: string): string[] => read(encoder.encode(text)).map(({ entry }) => entry);

function faultOf(bytes: Uint8Array): CodedError | undefined {
  try {
    read(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof CodedError && error.code.startsWith('ERR_EXPOSITION')) return error;
    throw error;
  }
}

test('reads metadata, samples, exemplars and created timestamps', () => {
  const text = `# HELP req Requests \\"x\\".
# TYPE req counter
# UNIT wait_seconds seconds
req_total{a="1"} 5 # {trace_id="x"} 0.5 1600000000.1
req_total{a="2",} 6 1600000000.123 # {} 1
req_created{a="1"} 1.6e9
wait_seconds NaN -1.5
{"my.name","a b"="\\n"} +Inf
# EOF
`;
  assert.deepEqual(entries(text), [
    'HELP req: Requests "x".',
    'TYPE req: counter',
    'UNIT wait_seconds: seconds',
    '[["__name__","req_total"],["a","1"]] 5',
    '[["__name__","req_total"],["a","2"]] 6 @1600000000123',
    '[["__name__","req_created"],["a","1"]] 1600000000',
    '[["__name__","wait_seconds"]] NaN @-1500',
    '[["__name__","my.name"],["a b","\\n"]] Infinity',
  ]);
  assert.deepEqual(entries('# EOF'), []);
});

test('says on which line the text is at fault', () => {
  const faults: [string, string][] = [
    ['', 'line 1: the text does not end with "# EOF"'],
    ['a 1\n', 'line 2: the text does not end with "# EOF"'],
    ['a 1', 'line 1: the text does not end with "# EOF"'],
    ['# EOF\na 1\n', 'line 2: something follows "# EOF"'],
    ['a 1\n\n# EOF\n', 'line 2: expected a metric name, HELP, TYPE, UNIT or EOF'],
    ['a  1\n# EOF\n', 'line 1: expected one blank and a value'],
    ['a{b="1" } 1\n# EOF\n', 'line 1: expected "," or "}" after the label'],
    ['a{b="1"c="2"} 1\n# EOF\n', 'line 1: expected "," or "}" after the label'],
    ['a{"b"} 1\n# EOF\n', 'line 1: the series has two metric names'],
    ['{b="1"} 1\n# EOF\n', 'line 1: the series has no metric name'],
    ['a 1 2 3\n# EOF\n', 'line 1: expected the end of the line'],
    ['a 1 # {"x"} 1\n# EOF\n', 'line 1: expected "=" after the label name'],
    ['a 1 # {x="1"}\n# EOF\n', 'line 1: expected one blank and the value of the exemplar'],
    ['# TYPE a untyped\n# EOF\n', 'line 1: the type is none of counter'],
    ['# UNIT a_seconds bytes\n# EOF\n', 'line 1: the metric name does not end in "_" and the unit'],
    ['# HELP a\n# EOF\n', 'line 1: expected a text after the metric name'],
    ['#HELP a b\n# EOF\n', 'line 1: expected " HELP", " TYPE", " UNIT" or " EOF"'],
    ['a NaN +Inf\n# EOF\n', 'line 1: the timestamp is not a finite number'],
  ];
  for (const [text, reason] of faults) {
    const message = faultOf(encoder.encode(text))?.message;
    assert.ok(message?.startsWith(reason), `${JSON.stringify(text)}: ${message}`);
  }
});

test('reads all texts that were published as valid', () => {
  const file = new URL('../../../test/testdata/openmetrics/parser-cases.json', import.meta.url);
  const cases = JSON.parse(readFileSync(file, 'utf8')) as Published[];
  const valid = cases.filter(({ isValid }) => isValid);
  for (const { name, text } of valid) assert.equal(faultOf(encoder.encode(text)), undefined, name);
  assert.equal(valid.length, 44);
});

test('refuses a line of more than a megabyte', () => {
  const long = encoder.encode(`a{b="${'x'.repeat(LINE_BYTES_MAX)}"} 1\n# EOF\n`);
  assert.equal(faultOf(long)?.code, 'ERR_EXPOSITION_LINE_LIMIT');
});

test('refuses every cut of a text but the last', () => {
  const text = encoder.encode('# HELP a x\na{b="1"} 1 2 # {c="d"} 1 2\n{"e"} 1\n# EOF\n');
  for (let end = 0; end < text.length - 1; end++) {
    assert.notEqual(faultOf(text.slice(0, end)), undefined, `cut at ${end}`);
  }
  assert.equal(faultOf(text.slice(0, -1)), undefined);
});

test('the short way reads what the long way reads', (t) => {
  const seed = fuzzSeed();
  const random = new Random(seed);
  const endMs = Date.now() + fuzzMs(500);
  let good = 0;
  while (Date.now() < endMs || good === 0) {
    const bytes = randomOpenMetrics(random);
    if (faultOf(bytes) !== undefined) continue;
    good++;
    const parser = new OpenMetricsParser(bytes);
    for (const { key, entry } of read(bytes)) {
      const where = `FUZZ_SEED=${seed} ${JSON.stringify(Buffer.from(bytes).toString('latin1'))}`;
      if (key.length === 0) {
        assert.notEqual(parser.next(), SAMPLE, where);
      } else {
        // A beginning of the series is not the series; damage may have made a series of that name.
        const other = encoder.encode(key.length === 1 && key[0] === 'u'.charCodeAt(0) ? 'v' : 'u');
        assert.ok(!parser.nextKnown(viewOf(other), 0, 1), where);
        assert.ok(parser.nextKnown(viewOf(key), 0, key.length), where);
        assert.ok(entry.endsWith(`] ${sampleOf(parser)}`), where);
      }
    }
    assert.equal(parser.next(), END);
  }
  t.diagnostic(`FUZZ_SEED=${seed}: ${good} texts`);
});
