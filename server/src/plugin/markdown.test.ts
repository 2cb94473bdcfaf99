import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { literal } from './markdown.ts';

describe('text of others in a post', () => {
  const shown: [text: string, span: string][] = [
    ['', ''],
    [' \n ', ''],
    ['app1', 'app1'],
    ['The disk (of "db") is full, 9.5 %: no room.', 'The disk (of "db") is full, 9.5 %: no room.'],
    ['- a', '`- a`'],
    ['1. a', '`1. a`'],
    ['app1:8067', '`app1:8067`'],
    ['see evil.example', '`see evil.example`'],
    ['see www evil', '`see www evil`'],
    ['_a_', '`_a_`'],
    ['a :x:', '`a :x:`'],
    ['~town', '`~town`'],
    ['ask @all', '`ask @all`'],
    ['5 $x$', '`5 $x$`'],
    ['&lt;', '`&lt;`'],
    ['well ;)', '`well ;)`'],
    ['well :)', '`well :)`'],
    ['well X-D', '`well X-D`'],
    ['![x](http://evil/) @all #town :x: <b>', '`![x](http://evil/) @all #town :x: <b>`'],
    ['a|b', '`a\\|b`'],
    ['a\\|b', '`a\\|b`'],
    ['a\\\\|b', '`a\\\\\\|b`'],
    ['a\r\n\n| b |\u2028# c', '`a \\| b \\| # c`'],
    ['a ` @all', '``a ` @all``'],
    ['`x``` @all', '```` `x``` @all ````'],
    ['@all `', '`` @all ` ``'],
    ['a\u0000\u202eb', 'a b'],
    ['a\u061cb', 'a b'],
  ];
  for (const [text, span] of shown) {
    it(`${JSON.stringify(text)} is ${span}`, () => assert.equal(literal(text), span));
  }

  it('stays in one span of one line, whatever it is', () => {
    const pieces = ['`', '``', '|', '\\', '@all', '\n', ' ', '](', '![', 'http://x', '\u2029', '<'];
    for (let seed = 1; seed < 5000; seed++) {
      let rest = seed * 7919;
      let text = '';
      for (; rest > 0; rest = Math.floor(rest / pieces.length))
        text += pieces[rest % pieces.length];
      const span = literal(text);
      if (/^(www )?[a-z ]*$/.test(span)) continue;
      // How Mattermost's marked, and CommonMark, find the end of a code span.
      const [whole, fence, inside] = /^(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/.exec(span) ?? [];
      assert.equal(whole, span, JSON.stringify(text));
      assert.ok(fence !== undefined && inside !== undefined && !/[\n\r]/.test(span));
      assert.ok(!/(^|[^\\])(\\\\)*\|/.test(span), span);
    }
  });

  it('is cut when it is long', () => assert.ok(literal('x'.repeat(9999)).length < 600));
});
