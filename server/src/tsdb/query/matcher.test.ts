import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hasCode } from '../../base/errors.ts';
import { makeMatcher } from './matcher.ts';
import { parseSelector } from './selector.ts';

describe('matchers', () => {
  it('know their values when the pattern is a list of texts', async () => {
    assert.deepEqual((await makeMatcher('a', '=~', 'x|y')).values, ['x', 'y']);
    assert.equal((await makeMatcher('a', '=~', 'x.|y')).values, undefined);
    assert.equal((await makeMatcher('a', '!~', 'x|y')).values, undefined);
  });

  it('turn !~ around', async () => {
    const matcher = await makeMatcher('a', '!~', 'x|y');
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
    ['{}', []],
    [
      'sum{by="x",}',
      [
        ['__name__', '=', 'sum'],
        ['by', '=', 'x'],
      ],
    ],
    ['{a="\\xc3\\xa4\\303\\244"}', [['a', '=', 'ää']]],
    ['{a="\\xff"}', [['a', '=', '\udcff']]],
    [
      'up{"x"}',
      [
        ['__name__', '=', 'up'],
        ['__name__', '=', 'x'],
      ],
    ],
    ['{a="\\"\\n\\x41\\u00e4\\U0001F388\\101"}', [['a', '=', '"\nAä🎈A']]],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${text}`, async () => {
      const matchers = await parseSelector(text);
      const found = matchers.map(({ name, operator, value }) => [name, operator, value]);
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
    'on{}',
    'NaN',
    '{a="\\400"}',
    '{a="\\ud800"}',
    '{a="\\\'"}',
    '{\u00a0a="b"}',
  ]) {
    it(`refuses ${text}`, async () => {
      await assert.rejects(parseSelector(text), (error) => hasCode(error, 'ERR_SELECTOR'));
    });
  }
});
