import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hasCode } from '../errors.ts';
import { compileRegex } from './regex.ts';
import { makeNativeTest } from './simple-matchers.ts';
import { parseSimplePattern } from './simple-pattern.ts';

describe('regular expressions', () => {
  // What RE2 says, also where JavaScript's own syntax says something else.
  const cases: [pattern: string, matching: string[], other: string[]][] = [
    ['a|b', ['a', 'b'], ['ab', 'c', '']],
    ['fo+', ['fo', 'foo'], ['xfoo', 'foox']],
    ['.*', ['', 'abc', 'größer 🎈', 'a\nb'], []],
    ['.+', ['a', '🎈', '\n'], ['']],
    ['one.', ['one\r', 'one\n', 'one\u2028', 'one\u2029', 'one🎈'], ['one', 'one🎈🎈']],
    ['(?-s)a.b', ['axb', 'a\rb'], ['a\nb']],
    ['a.+b.*c', ['axbc', 'axbxbc', 'a🎈bc'], ['abc', 'axb']],
    ['.*ab.*ba', ['abba', 'xabxba'], ['aba']],
    ['(?i)abc', ['ABC', 'abc'], ['abd']],
    ['(?i)\\x{212A}', ['k', 'K', '\u212a'], ['x']],
    ['(?i)ks-.*', ['KS-', '\u212a\u017f-x'], ['k-']],
    ['(?i)a[0-9]+[^/]', ['A1K', 'a12ſ'], ['a1/']],
    ['a(?i)b', ['aB', 'ab'], ['AB']],
    ['a|(?i)b', ['B'], ['A']],
    ['(?i:a)b', ['Ab'], ['AB']],
    ['(?U)a+', ['aa'], ['']],
    ['(?P<x>a)b', ['ab'], []],
    ['(?<x>a)(?<x>b)\\Q(?<x>\\E[(?<x>]', ['ab(?<x><'], ['ab']],
    ['[[:alpha:]_]+', ['abc_'], ['a1', '']],
    ['[[:^alpha:]]', ['1', 'ä'], ['a']],
    ['[\\s\\S]', ['\n', 'x'], ['']],
    ['[]a]+', [']a'], ['b']],
    ['[^]a]', ['b', '\n'], [']', 'a']],
    ['[a-c.]+', ['a.c'], ['d']],
    ['[a-]', ['a', '-'], ['b']],
    ['\\Qa.b\\E+', ['a.b', 'a.bb'], ['axb']],
    ['\\d+\\.\\d', ['10.5'], ['10x5']],
    ['\\s', [' ', '\t'], ['\u00a0', '\v']],
    ['\\S+', ['\u00a0'], [' ']],
    ['\\x41\\x{1F388}\\101', ['A🎈A'], []],
    ['\\pL+', ['äß'], ['1']],
    ['\\p{Greek}', ['α'], ['a']],
    ['\\P{^Lu}', ['A'], ['a']],
    ['\\p{Any}', ['\n'], ['']],
    ['a{2,3}', ['aa', 'aaa'], ['a', 'aaaa']],
    ['a{3}[bc]{2}', ['aaabc'], ['aabc']],
    ['a{,3}', ['a{,3}'], ['aa']],
    ['{a}', ['{a}'], ['a']],
    ['10\\-20\\/x', ['10-20/x'], ['10x20/x']],
    ['\\Aab\\z', ['ab'], ['xab']],
    ['^(a|b)$', ['a', 'b'], ['ab', '^a$']],
    ['(a|b)+c', ['abac'], ['c']],
    ['(a+)+', ['aaa'], ['b', '']],
    ['.', ['🎈', '\n'], ['', 'ab']],
    ['', [''], ['a']],
  ];
  for (const [pattern, matching, other] of cases) {
    it(`takes ${pattern}`, async () => {
      const { matches } = await compileRegex(pattern);
      for (const text of matching) assert.ok(matches(text), `matches ${JSON.stringify(text)}`);
      for (const text of other) assert.ok(!matches(text), `does not match ${JSON.stringify(text)}`);
    });
  }

  const refused = ['(', ')', 'a**', '[a', '[b-a]', '(?=a)', '(?!a)', '(?<=a)', '(a)\\1', '\\k<x>'];
  for (const pattern of [
    ...refused,
    'a\\',
    'a{1001}',
    '((a{100}){100}){100}',
    '[[:huh:]]',
    '\\y',
  ]) {
    it(`refuses ${pattern}`, async () => {
      await assert.rejects(compileRegex(pattern), (error) => hasCode(error, 'ERR_REGEX'));
    });
  }

  it('refuses what would take the memory of a gigabyte, and what is too long', async () => {
    for (const pattern of [
      '[^a]{1000}'.repeat(4000),
      'a{1000}'.repeat(4000),
      'a?'.repeat(40_000),
      '('.repeat(5000),
    ]) {
      await assert.rejects(compileRegex(pattern), (error) => hasCode(error, 'ERR_REGEX'));
    }
  });

  it('takes a long list of texts', async () => {
    const texts = Array.from({ length: 20_000 }, (_, i) => `host-${i}`);
    const regex = await compileRegex(texts.join('|'));
    assert.deepEqual(regex.texts, texts);
    assert.ok(regex.matches('host-19999'));
    assert.ok(!regex.matches('host-20000'));
  });

  it('knows the texts of a pattern that is a list of them', async () => {
    const texts = async (pattern: string): Promise<readonly string[] | undefined> =>
      (await compileRegex(pattern)).texts;
    assert.deepEqual(await texts('x|y'), ['x', 'y']);
    assert.deepEqual(await texts('|y'), ['', 'y']);
    assert.deepEqual(await texts('(a|b)-[12]'), ['a-1', 'a-2', 'b-1', 'b-2']);
    assert.deepEqual(await texts('^a\\.b?$'), ['a.', 'a.b']);
    assert.equal(await texts('x.|y'), undefined);
  });

  it('knows when everything matches', async () => {
    for (const pattern of ['.*', '(?s:.*)', '(?s).*', '^.*$', '(.*)']) {
      assert.ok((await compileRegex(pattern)).matchesAll, pattern);
    }
    for (const pattern of ['.+', '.*a', '.*|a', '(?-s).*']) {
      assert.ok(!(await compileRegex(pattern)).matchesAll, pattern);
    }
  });

  // A backtracking engine would need longer for one of these than there is time.
  const hard = [
    '(a|aa)+',
    '(.|a)+b',
    '(a+)+b',
    '(a*)*b',
    'a*a*a*a*a*a*a*a*b',
    '.*a.*a.*a.*a.*a.*b',
  ];
  const groups = '(a|a)'.repeat(60);
  const options = 'a?'.repeat(60) + 'a'.repeat(60);
  it('needs time in proportion to the text', { timeout: 60_000 }, async () => {
    for (const pattern of [...hard, groups, options, '(a?){60}', '([a-z]+[0-9]?)+-.*x']) {
      const { matches } = await compileRegex(pattern);
      assert.equal(matches(`${'a'.repeat(20_000)}c`), false, pattern);
    }
  });
});

describe('patterns for the engine of JavaScript', () => {
  const native = (pattern: string): boolean => {
    const simple = parseSimplePattern(pattern);
    return simple !== undefined && makeNativeTest(simple) !== undefined;
  };

  it('have one way to go but for one repeat', () => {
    const patterns = ['[a-z]+', '.*[0-9]{4}.*', '[a-z]+-[0-9]+.*', '[^/]+/[^/]+', '.*(foo|bar)'];
    for (const pattern of [...patterns, '(?i)node-[0-9]?.*', 'a_.*_total_[0-9]+', '[45]..']) {
      assert.ok(native(pattern), pattern);
    }
  });

  it('are none that try more', () => {
    const patterns = ['[a-z]+[a-c]+', '.*[0-9]+', '.*a.*b', '.+[a-z]+-.*', '([a-z]+|b)c', '(a?)+'];
    for (const pattern of [...patterns, 'a?'.repeat(30), '(a|b)'.repeat(20), '.*-[0-9]+.']) {
      assert.ok(!native(pattern), pattern);
    }
  });
});
