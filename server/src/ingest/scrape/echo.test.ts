import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withoutEcho } from './echo.ts';

const basic = `Basic ${btoa('user:S3cret pass')}`;

const CASES: [text: string, target: { url?: string; authorization?: string }, shown: string][] = [
  ['no S3cretToken here', { authorization: 'Bearer S3cretToken' }, 'no … here'],
  ['found "S3cretTo', { authorization: 'Bearer S3cretToken' }, 'found "…'],
  ['S3cretToken, S3cretToken', { authorization: 'Bearer S3cretToken' }, '…, …'],
  [`${basic}: S3cret pass of user:S3cret pass`, { authorization: basic }, 'Basic …: … of …'],
  ['no S3cret%21 or S3cret!', { url: 'http://h/?a=1&t=S3cret%21#x' }, 'no … or …'],
  ['no S3cret%', { url: 'http://h/?S3cret%' }, 'no …'],
  ['line 1 is a mess', { url: 'http://h/?line=1&a=is' }, 'line 1 is a mess'],
  ['plain', {}, 'plain'],
];
for (const [text, target, shown] of CASES) {
  test(`an answer with what was sent, ${text}, is shown as ${shown}`, () => {
    const labels = { job: 'a', instance: 'b' };
    assert.equal(withoutEcho(text, { url: 'http://h/', labels, ...target }), shown);
  });
}
