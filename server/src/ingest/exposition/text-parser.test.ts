import assert from 'node:assert/strict';
import { test } from 'node:test';

import { viewOf } from '../../base/bytes/same-bytes.ts';
import { CodedError } from '../../base/errors.ts';
import { LINE_BYTES_MAX } from '../limits.ts';
import { naiveParse } from '../../../test/kits/naive-text-parser.ts';
import { COMMENT, END, HELP, SAMPLE, TYPE } from './entries.ts';
import { TextParser } from './text-parser.ts';

const encoder = new TextEncoder();

interface Parsed {
  readonly labels: Record<string, string>;
  readonly value: number;
  readonly timestampMs: number | undefined;
}

/** All samples of `text`, read the plain way. */
function parseAll(input: string | Uint8Array): Parsed[] {
  const parser = new TextParser(typeof input === 'string' ? encoder.encode(input) : input);
  const samples: Parsed[] = [];
  for (let entry = parser.next(); entry !== END; entry = parser.next()) {
    if (entry !== SAMPLE) continue;
    samples.push({
      labels: Object.fromEntries(parser.labelPairs()),
      value: parser.value,
      timestampMs: parser.hasTimestamp ? parser.timestampMs : undefined,
    });
  }
  return samples;
}

function sample(name: string, value: number, labels: Record<string, string> = {}): Parsed {
  return { labels: { __name__: name, ...labels }, value, timestampMs: undefined };
}

const GOOD: [title: string, text: string, expected: Parsed[]][] = [
  ['nothing', '', []],
  ['blank lines', '\n \t\n\n', []],
  ['a bare name', 'up 1\n', [sample('up', 1)]],
  ['no line end at the end', 'up 1', [sample('up', 1)]],
  ['a bare name without line end or blank', 'a 1\nup 12', [sample('a', 1), sample('up', 12)]],
  ['colons in the name', ':a:b 1\n', [sample(':a:b', 1)]],
  ['empty braces', 'up{} 1\n', [sample('up', 1)]],
  ['labels', 'up{a="x",b="y"} 1\n', [sample('up', 1, { a: 'x', b: 'y' })]],
  ['a comma behind the last label', 'up{a="x",} 1\n', [sample('up', 1, { a: 'x' })]],
  ['a missing comma', 'up{a="x"b="y"} 1\n', [sample('up', 1, { a: 'x', b: 'y' })]],
  ['blanks everywhere', 'up \t{ a = "x" , b="y" }\t1 \n', [sample('up', 1, { a: 'x', b: 'y' })]],
  ['no blank before the value', 'up{a="x"}1\n', [sample('up', 1, { a: 'x' })]],
  ['escapes', 'up{a="\\\\ \\" \\n \\t \\é"} 1\n', [sample('up', 1, { a: '\\ " \n \\t \\é' })]],
  ['braces in a value', 'up{a="}{,="} 1\n', [sample('up', 1, { a: '}{,=' })]],
  ['a raw line end in a value', 'up{a="x\ny"} 1\n', [sample('up', 1, { a: 'x\ny' })]],
  ['a NUL in a value', 'up{a="x\0y"} 1\n', [sample('up', 1, { a: 'x\0y' })]],
  ['UTF-8', 'up{a="żółć 🦔\uFEFF"} 1\n', [sample('up', 1, { a: 'żółć 🦔\uFEFF' })]],
  ['comments', '#\n# x\n#HELP up 1\n# HELP\n# HELPER 1\n  # TYPE\n# \0\nup 1\n', [sample('up', 1)]],
  [
    'metadata',
    '# HELP up a \\\\ b\n# TYPE up gauge\n# HELP up\n# HELP up  \nup 1\n',
    [sample('up', 1)],
  ],
  ['CR in a comment', '# HELP up x\r\nup 1\n', [sample('up', 1)]],
  ['a timestamp', 'up 1 1700000000123\n', [{ ...sample('up', 1), timestampMs: 1700000000123 }]],
  ['a timestamp 0', 'up 1 0000 ', [{ ...sample('up', 1), timestampMs: 0 }]],
  [
    'a timestamp beyond 53 bits',
    'up 1 9223372036854775807\n',
    [{ ...sample('up', 1), timestampMs: Number.MAX_SAFE_INTEGER }],
  ],
];

for (const [title, text, expected] of GOOD) {
  test(`reads ${title}`, () => {
    assert.deepEqual(parseAll(text), expected);
    assert.deepEqual(naiveParse(encoder.encode(text)), expected);
  });
}

test('reads every form of a number, to the bit', () => {
  const forms = [
    ...['0', '-0', '+1', '1', '.5', '5.', '-.5', '1e5', '1E+5', '1e-5', '1.e1', '00012.500'],
    ...['123456789012345', '1234567890123456', '9007199254740993', '0.1', '0.30000000000000004'],
    ...['1.7976931348623157e308', '4.9e-324', '1e-400', '1e22', '1e23', '123456.789012345'],
    ...['0.000001', '999999999999999', '0.999999999999999', '72057594037927945'],
  ];
  for (const form of forms) assert.deepEqual(parseAll(`up ${form}\n`)[0].value, Number(form), form);
  for (const form of ['NaN', 'nan', 'nAN']) {
    const bits = new BigUint64Array(Float64Array.of(parseAll(`up ${form}`)[0].value).buffer);
    assert.equal(bits[0].toString(16), '7ff8000000000000', form);
  }
  for (const form of ['Inf', '+inf', 'Infinity', '+INFINITY']) {
    assert.equal(parseAll(`up ${form}`)[0].value, Infinity, form);
  }
  for (const form of ['-Inf', '-infinity'])
    assert.equal(parseAll(`up ${form}`)[0].value, -Infinity);
});

const BAD: [text: string | Uint8Array, code: string, line: number, column: number][] = [
  ['up\n', 'ERR_EXPOSITION', 1, 3],
  ['a 1\nup', 'ERR_EXPOSITION', 2, 3],
  ['up x\n', 'ERR_EXPOSITION_VALUE', 1, 4],
  ['1up 1\n', 'ERR_EXPOSITION', 1, 1],
  ['<html>\n', 'ERR_EXPOSITION', 1, 1],
  ['a 1\n\n up 1\n', 'ERR_EXPOSITION', 3, 1],
  ['up{a="x" 1\n', 'ERR_EXPOSITION', 1, 10],
  ['up{a="x\nb 1\n', 'ERR_EXPOSITION', 1, 6],
  ['up{a="x\\\n"} 1\n', 'ERR_EXPOSITION', 1, 6],
  ['up{a=x} 1\n', 'ERR_EXPOSITION', 1, 6],
  ['up{a} 1\n', 'ERR_EXPOSITION', 1, 5],
  ['up{,} 1\n', 'ERR_EXPOSITION', 1, 4],
  ['up{a="x",,} 1\n', 'ERR_EXPOSITION', 1, 10],
  ['up{1a="x"} 1\n', 'ERR_EXPOSITION', 1, 4],
  ['up{a="x"}{b="y"} 1\n', 'ERR_EXPOSITION', 1, 10],
  ['up{', 'ERR_EXPOSITION', 1, 4],
  ['up 1{\n', 'ERR_EXPOSITION', 1, 5],
  ['up 1 2 3\n', 'ERR_EXPOSITION', 1, 8],
  ['up 1 -2\n', 'ERR_EXPOSITION', 1, 6],
  ['up 1 2x\n', 'ERR_EXPOSITION', 1, 7],
  ['up 1 # {a="b"} 1\n', 'ERR_EXPOSITION', 1, 6],
  ['up 1 9223372036854775808\n', 'ERR_EXPOSITION_TIMESTAMP', 1, 6],
  ['up 1\r\n', 'ERR_EXPOSITION_VALUE', 1, 4],
  ['up 1 2\r\n', 'ERR_EXPOSITION', 1, 7],
  ['\r\nup 1\n', 'ERR_EXPOSITION', 1, 1],
  ['\uFEFFup 1\n', 'ERR_EXPOSITION', 1, 1],
  ['up 1\0\n', 'ERR_EXPOSITION', 1, 5],
  ['up 1\n\0up 1\n', 'ERR_EXPOSITION', 2, 1],
  ['# HELP 1up x\n', 'ERR_EXPOSITION', 1, 8],
  ['# HELP \nup 1\n', 'ERR_EXPOSITION', 1, 8],
  ['# TYPE up\nup 1\n', 'ERR_EXPOSITION', 1, 10],
  ['# TYPE up unknown\n', 'ERR_EXPOSITION', 1, 11],
  ['# TYPE up counter\r\n', 'ERR_EXPOSITION', 1, 11],
  ['# TYPE up  counter\n', 'ERR_EXPOSITION', 1, 11],
  [Uint8Array.of(117, 112, 123, 97, 61, 34, 0xc3, 34, 125, 49), 'ERR_EXPOSITION_UTF8', 1, 7],
  [Uint8Array.of(35, 32, 72, 69, 76, 80, 32, 97, 32, 0xff, 10), 'ERR_EXPOSITION_UTF8', 1, 10],
  ...[
    '0x1',
    '0x1p4',
    '1_0',
    '1e400',
    '-1e400',
    '1e',
    'e1',
    '.',
    '-',
    '+NaN',
    '-nan',
    'infi',
    '1.2.3',
  ].map((form): [string, string, number, number] => [`up ${form}\n`, 'ERR_EXPOSITION_VALUE', 1, 4]),
];

for (const [text, code, line, column] of BAD) {
  test(`refuses ${JSON.stringify(typeof text === 'string' ? text : String(text))}`, () => {
    assert.throws(
      () => parseAll(text),
      (error) => {
        assert.ok(error instanceof CodedError, String(error));
        assert.deepEqual(
          [error.code, error.details.line, error.details.column],
          [code, line, column],
        );
        assert.ok(error.message.startsWith(`line ${line}: `), error.message);
        return true;
      },
    );
    const bytes = typeof text === 'string' ? encoder.encode(text) : text;
    assert.equal(naiveParse(bytes), undefined, 'the oracle refuses it too');
  });
}

test('says that CR LF is the trouble', () => {
  for (const text of ['up 1\r\n', 'up 1 2\r\n', '\r\n']) {
    assert.throws(() => parseAll(text), /lines must end in LF alone, not CR LF/);
  }
});

test('gives HELP and TYPE with their texts', () => {
  const text = '# HELP go_up It\\\\s\\nup \\" \n# TYPE go_up untyped\n# hello\n';
  const parser = new TextParser(encoder.encode(text));
  assert.equal(parser.next(), HELP);
  assert.deepEqual([parser.name(), parser.text()], ['go_up', 'It\\s\nup \\" ']);
  assert.equal(parser.next(), TYPE);
  assert.deepEqual([parser.name(), parser.text()], ['go_up', 'untyped']);
  assert.equal(parser.next(), COMMENT);
  assert.equal(parser.next(), END);
  assert.equal(parser.next(), END);
});

const LONG = 'x'.repeat(LINE_BYTES_MAX);
const TOO_LONG = [
  `${LONG} 1\n`,
  `up{a="${LONG}"} 1\n`,
  `up ${LONG}1\n`,
  `# ${LONG}\n`,
  `up{a="${LONG}`,
];
for (const text of [
  ...TOO_LONG,
  ' '.repeat(LINE_BYTES_MAX + 1) + '\n',
  `up 1 ${'1'.repeat(LINE_BYTES_MAX)}\n`,
]) {
  test(`refuses a line that is too long: ${text.slice(0, 8)}…`, () => {
    const expected = {
      code: 'ERR_EXPOSITION_LINE_LIMIT',
      message: /^line 2: longer than the limit/,
    };
    assert.throws(() => parseAll(`a 1\n${text}`), expected);
  });
}

test('reads a line of almost the longest length', () => {
  const value = 'x'.repeat(LINE_BYTES_MAX - 20);
  assert.deepEqual(parseAll(`up{a="${value}"} 1\n`), [sample('up', 1, { a: value })]);
});

test('nextKnown takes a line only when it is exactly that series', () => {
  const cases: [key: string, line: string, isTaken: boolean][] = [
    ['up', 'up 1\n', true],
    ['up', 'up\t1', true],
    ['up', 'ups 1\n', false],
    ['up', 'up{} 1\n', false],
    ['up', 'up {a="b"} 1\n', false],
    ['up', 'up', false],
    ['up', 'u', false],
    ['up{}', 'up{} 1\n', true],
    ['up{}', 'up{}1\n', true],
    ['up{a="b"}', 'up{a="b"} 1\n', true],
    ['up{a="b"}', 'up{a="c"} 1\n', false],
    ['up{a="b"}', 'up{a="b",} 1\n', false],
  ];
  for (const [key, line, isTaken] of cases) {
    const parser = new TextParser(encoder.encode(line));
    const padded = encoder.encode(`..${key}..`);
    const taken = parser.nextKnown(viewOf(padded), 2, padded.length - 2);
    assert.equal(taken, isTaken, `${key} for ${line}`);
    if (taken) assert.equal(parser.value, 1);
    if (taken) assert.equal(parser.next(), END);
  }
});
