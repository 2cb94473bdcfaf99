/** Patterns and selectors mean to us what they mean to Prometheus. A failure names its seed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { compileRegex, type Regex } from '../../../server/src/base/regex/regex.ts';
import { hasCode } from '../../../server/src/base/errors.ts';
import { parseSelector } from '../../../server/src/tsdb/index.ts';
import { Random, seedFromEnvironment } from '../../../server/test/support/random.ts';
import { goBuild } from '../../support/go.ts';
import { goSkip } from '../gob/skip.ts';

const PATTERNS = 6000;
const SELECTORS = 3000;
const VALUES = 40;
const seed = seedFromEnvironment();

let program = '';
before(() => {
  if (goSkip !== false) return;
  const dir = join(import.meta.dirname, 'prometheus');
  program = goBuild({ dir, name: 'prometheus-matchers', package: './matchers' });
});

function askGo<T>(questions: readonly object[]): T[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const output = execFileSync(program, { input, maxBuffer: 2 ** 28 }).toString();
  const answers = output.trimEnd().split('\n');
  return answers.map((line) => JSON.parse(line) as T);
}

const PIECES: readonly string[] = [
  ...[
    'a',
    'b',
    'c',
    'ab',
    'abc',
    '-',
    '/',
    ':',
    '0',
    '12',
    'ä',
    'K',
    'k',
    's',
    '🎈',
    ' ',
    ']',
    '}',
    '{',
  ],
  ...['.', '.', '.*', '.*', '.+', '.?', '.*?', '.{2}', '\\.', '\\-', '\\/', '\\\\', '\\n', '\\t'],
  ...[
    '[a-c]',
    '[^a]',
    '[0-9]',
    '[^/]+',
    '[a-z]+',
    '[ab]?',
    '[abc-]',
    '[]a]',
    '[^]a]',
    '[\\d_]',
    '[\\s\\S]',
  ],
  ...[
    '[[:alpha:]]',
    '[[:^alpha:]]',
    '[[:word:]x]',
    '[a\\-c]',
    '[\\]a]',
    '[-a]',
    '[^\\D]',
    '[ä-ü]',
    '[k]',
  ],
  ...[
    '\\d',
    '\\w+',
    '\\s',
    '\\D',
    '\\W',
    '\\S*',
    '\\b',
    '\\B',
    '\\A',
    '\\z',
    '^',
    '$',
    '\\pL',
    '\\p{Greek}',
  ],
  ...[
    '\\P{^Lu}',
    '\\p{Any}',
    '\\101',
    '\\x41',
    '\\x{212A}',
    '\\Qa.b\\E',
    '\\C',
    '\\1',
    '\\y',
    '\\u0041',
  ],
  ...[
    'a*',
    'a+',
    'a?',
    'a{2}',
    'a{1,3}',
    'a{,2}',
    'a{2,}',
    'a{0}',
    'a**',
    'a{1001}',
    'b+?',
    '(?i)',
    '(?s)',
  ],
  ...[
    '(?U)',
    '(?-s)',
    '(?m)',
    '(?m)^',
    '$\\n',
    '(?i:k)',
    '(?-s:.)',
    '()',
    '(|a)',
    '(a|aa)+',
    '(?P<x>a)',
    '(?<y>b)',
  ],
  ...[
    '(?=a)',
    '(?<!a)',
    '[',
    '(',
    ')',
    '[b-a]',
    '\\Z',
    '[[:huh:]]',
    '[[.a.]]',
    '(?i)[^k]',
    '(?i)ß',
    '(?i)ſ',
  ],
];

function makePattern(random: Random, depth = 0): string {
  let pattern = random.below(12) === 0 && depth === 0 ? '(?i)' : '';
  for (let left = 1 + random.below(4); left > 0; left--) {
    const kind = random.below(14);
    if (kind === 0 && depth < 3) pattern += `(${makePattern(random, depth + 1)})`;
    else if (kind === 1 && depth < 3)
      pattern += `(?:${makePattern(random, depth + 1)})${random.pick(['*', '+', '?', '{2}', '{1,2}'])}`;
    else if (kind === 2) pattern += `|${random.pick(PIECES)}`;
    else if (kind === 3 && depth < 3)
      pattern += `(${makePattern(random, depth + 1)}|${makePattern(random, depth + 1)})`;
    else if (kind === 4) pattern += random.pick(['.*', 'a', 'b', 'abc', '[0-9]+', '-']);
    else pattern += random.pick(PIECES);
  }
  return pattern;
}

const VALUE_PIECES = [
  'a',
  'b',
  'c',
  'ab',
  'abc',
  'A',
  'K',
  'k',
  '\u212a',
  's',
  'ſ',
  'ä',
  'ß',
  '🎈',
  '0',
  '12',
  '-',
  '/',
  ':',
  '.',
  ' ',
  '\n',
  '\r',
  '\u2028',
  '\u2029',
  '\v',
  '\u00a0',
  ']',
  '}',
  '{',
  '\\',
  '_',
  'α',
  '{,2}',
  'a.b',
  '',
];

function makeValue(random: Random): string {
  let value = '';
  for (let left = random.below(6); left > 0; left--) value += random.pick(VALUE_PIECES);
  return value;
}

async function compiled(pattern: string): Promise<Regex | undefined> {
  try {
    return await compileRegex(pattern);
  } catch (error) {
    assert.ok(hasCode(error, 'ERR_REGEX'), `seed ${seed}: ${pattern}: ${String(error)}`);
    return undefined;
  }
}

describe('matchers beside those of Prometheus', { skip: goSkip }, () => {
  test('patterns match the same values', async (t) => {
    const random = new Random(seed);
    const asked = Array.from({ length: PATTERNS }, () => ({
      pattern: makePattern(random),
      values: Array.from({ length: VALUES }, () => makeValue(random)),
    }));
    const answers = askGo<boolean[] | null>(asked);
    let accepted = 0;
    let matching = 0;
    for (const [i, { pattern, values }] of asked.entries()) {
      const where = `SEED=${seed}, ${JSON.stringify(pattern)}`;
      const regex = await compiled(pattern);
      const expected = answers[i];
      assert.equal(regex === undefined, expected === null, `${where}: accepted`);
      if (regex === undefined || expected === null || expected === undefined) continue;
      accepted++;
      for (const [v, value] of values.entries()) {
        const found = regex.matches(value);
        if (found) matching++;
        assert.equal(found, expected[v], `${where} on ${JSON.stringify(value)}`);
        if (regex.matchesAll) assert.ok(found, where);
        assert.equal(regex.texts?.includes(value) ?? found, found, `${where}: its texts`);
      }
    }
    t.diagnostic(`seed ${seed}: ${accepted} patterns of ${PATTERNS}, ${matching} matches`);
  });

  test('selectors are read to the same matchers', async (t) => {
    const random = new Random(seed + 1);
    const asked = Array.from({ length: SELECTORS }, () => ({ selector: makeSelector(random) }));
    const answers = askGo<string[][] | null>(asked);
    let accepted = 0;
    for (const [i, { selector }] of asked.entries()) {
      const where = `SEED=${seed}, ${JSON.stringify(selector)}`;
      const found = await parseSelector(selector).then(
        (matchers) => matchers.map((m) => [hexOf(m.name), m.operator, hexOf(m.value)]),
        (error: unknown) => {
          assert.ok(hasCode(error, 'ERR_SELECTOR') || hasCode(error, 'ERR_REGEX'), where);
          return null;
        },
      );
      // Prometheus puts the name in front of the braces last.
      assert.deepEqual(found?.sort() ?? null, answers[i]?.sort() ?? null, where);
      if (found !== null) accepted++;
    }
    t.diagnostic(`seed ${seed}: ${accepted} selectors of ${SELECTORS}`);
  });
});

const NAMES = [
  'up',
  'a:b',
  'sum',
  'by',
  'on',
  'bool',
  'inf',
  'NaN',
  'Offset',
  'atan2',
  'fill',
  '_x',
  'ä',
  '1a',
  'start',
  'range',
  'group_left',
];
const LABELS = [
  'a',
  '__name__',
  'by',
  'on',
  'inf',
  '_',
  '"my.label"',
  "'x'",
  '`y`',
  '"ä"',
  '""',
  'a:b',
  'ä',
  '1',
];
const STRINGS = [
  '"b"',
  "'c'",
  '`d`',
  '""',
  '"\\xc3\\xa4"',
  '"\\xff"',
  '"ä\\xc3"',
  '"\\u00e4"',
  '"\\U0001F388"',
  '"\\ud800"',
  '"\\101"',
  '"\\400"',
  '"\\18"',
  '"\\\'"',
  "'\\''",
  '"\\q"',
  '"a\\nb"',
  '"a\nb"',
  '`a\nb`',
  '`a\\nb`',
  '`a\rb`',
  '"🎈"',
  '"a.*"',
  '"("',
  '"\\\\d"',
  '"\\x4"',
  '"\ufffd"',
  '"a',
  'b',
  '"\\x80\\x80ä"',
  '"\\xf0\\x9f\\x8e\\x88"',
  '"\\xed\\xa0\\x80"',
  '"\\xef\\xbb\\xbf"',
  '"\\0"',
  '"\\000"',
];
const SPACES = [
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  ' ',
  '\t',
  '\n',
  '\r',
  '\u00a0',
  '# c\n',
  '\v',
];

const OPERATORS = ['=', '=', '=', '!=', '!=', '=~', '=~', '!~', '!~', '=='];

function makeString(random: Random): string {
  return random.below(3) === 0 ? random.pick(STRINGS) : '"b"';
}

function makeSelector(random: Random): string {
  const space = (): string => random.pick(SPACES);
  let text = space();
  if (random.below(2) === 0) text += random.pick(NAMES) + space();
  if (random.below(5) === 0) return text;
  text += `{${space()}`;
  const count = random.below(4);
  for (let i = 0; i < count; i++) {
    if (i > 0) text += random.below(15) === 0 ? '' : `,${space()}`;
    if (random.below(6) === 0) text += makeString(random);
    else {
      const operator = random.pick(OPERATORS);
      text += random.pick(LABELS) + space() + operator + space() + makeString(random);
    }
    text += space();
  }
  if (random.below(4) === 0) text += `,${space()}`;
  return `${text}${random.below(20) === 0 ? '' : '}'}${space()}${random.below(30) === 0 ? 'x' : ''}`;
}

/** In UTF-8; half a pair that stands for a stray byte is that byte. */
function hexOf(text: string): string {
  let hex = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const isStray = code >= 0xdc00 && code <= 0xdcff;
    hex += isStray ? (code - 0xdc00).toString(16) : Buffer.from(char).toString('hex');
  }
  return hex;
}
