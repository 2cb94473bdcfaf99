import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hasCode } from '../../base/errors.ts';
import { makeMatcher } from './matcher.ts';
import { compileRegex } from './regex.ts';
import { parseSelector } from './selector.ts';

describe('regular expressions of matchers', () => {
  // What RE2 says, also where JavaScript's own syntax says something else.
  const cases: [pattern: string, matching: string[], other: string[]][] = [
    ['a|b', ['a', 'b'], ['ab', 'c', '']],
    ['fo+', ['fo', 'foo'], ['xfoo', 'foox']],
    ['.*', ['', 'abc', 'größer 🎈'], ['a\nb']],
    ['(?s:.*)', ['a\nb'], []],
    ['(?s)a.b', ['a\nb'], ['ab']],
    ['(?i)abc', ['ABC', 'abc'], ['abd']],
    ['a(?i)b', ['aB', 'ab'], ['AB']],
    ['(?i:a)b', ['Ab'], ['AB']],
    ['(?P<x>a)b', ['ab'], []],
    ['(?<x>a)b', ['ab'], []],
    ['[[:alpha:]_]+', ['abc_'], ['a1', '']],
    ['[]a]+', [']a'], ['b']],
    ['[^]a]', ['b'], [']', 'a']],
    ['[a-c.]+', ['a.c'], ['d']],
    ['\\Qa.b\\E+', ['a.b', 'a.bb'], ['axb']],
    ['\\d+\\.\\d', ['10.5'], ['10x5']],
    ['\\s', [' ', '\t'], ['\u00a0', '\v']],
    ['\\S+', ['\u00a0'], [' ']],
    ['\\x41\\x{1F388}', ['A🎈'], []],
    ['\\pL+', ['äß'], ['1']],
    ['\\p{Greek}', ['α'], ['a']],
    ['\\P{^Lu}', ['A'], ['a']],
    ['a{2,3}', ['aa', 'aaa'], ['a', 'aaaa']],
    ['a{,3}', ['a{,3}'], ['aa']],
    ['{a}', ['{a}'], ['a']],
    ['10\\-20\\/x', ['10-20/x'], ['10x20/x']],
    ['\\Aab\\z', ['ab'], ['xab']],
    ['a/b', ['a/b'], []],
    ['(a|b)+c', ['abac'], ['c']],
    ['.', ['🎈'], ['']],
  ];
  for (const [pattern, matching, other] of cases) {
    it(`takes ${pattern}`, () => {
      const expression = compileRegex(pattern);
      for (const text of matching) assert.ok(expression.test(text), `matches ${text}`);
      for (const text of other) assert.ok(!expression.test(text), `does not match ${text}`);
    });
  }

  const refused = ['(', ')', 'a**', '[a', '[b-a]', '(?=a)', '(?!a)', '(?<=a)', '(a)\\1', '\\k<x>'];
  for (const pattern of [...refused, 'a\\', 'a{1001}', '(a+)+', '(a*b?){2,}', '[[:huh:]]', '\\y']) {
    it(`refuses ${pattern}`, () => {
      assert.throws(
        () => compileRegex(pattern),
        (error) => hasCode(error, 'ERR_REGEX'),
      );
    });
  }
});

describe('matchers', () => {
  it('know their values when there is no operator in the pattern', () => {
    assert.deepEqual(makeMatcher('a', '=~', 'x|y').values, ['x', 'y']);
    assert.deepEqual(makeMatcher('a', '=~', '|y').values, ['', 'y']);
    assert.equal(makeMatcher('a', '=~', 'x.|y').values, undefined);
  });

  it('turn !~ around', () => {
    const matcher = makeMatcher('a', '!~', 'x|y');
    assert.deepEqual(
      ['x', 'z', ''].map((value) => matcher.matches(value)),
      [false, true, true],
    );
  });
});

describe('series selectors', () => {
  const cases: [string, [string, string, string][]][] = [
    ['up', [['__name__', '=', 'up']]],
    [' job:rate:5m { } ', [['__name__', '=', 'job:rate:5m']]],
    [
      '{a="b", c!=\'d\',e=~`f\\d`,}',
      [
        ['a', '=', 'b'],
        ['c', '!=', 'd'],
        ['e', '=~', 'f\\d'],
      ],
    ],
    [
      'up{a!~"x|y"} # the rest',
      [
        ['__name__', '=', 'up'],
        ['a', '!~', 'x|y'],
      ],
    ],
    [
      '{"größer", "a b"="c"}',
      [
        ['__name__', '=', 'größer'],
        ['a b', '=', 'c'],
      ],
    ],
    ['{a="\\"\\n\\x41\\u00e4\\U0001F388\\101"}', [['a', '=', '"\nAä🎈A']]],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${text}`, () => {
      const found = parseSelector(text).map(({ name, operator, value }) => [name, operator, value]);
      assert.deepEqual(found, expected);
    });
  }

  for (const text of [
    '',
    '{',
    '{a}',
    '{a=}',
    '{a="b}',
    '{a="b"',
    'up{} x',
    '{a="b" c="d"}',
    '{,}',
    '{a=="b"}',
    '{a="\\q"}',
    '1',
    'up{"x"}',
  ]) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => parseSelector(text),
        (error) => hasCode(error, 'ERR_SELECTOR'),
      );
    });
  }
});
