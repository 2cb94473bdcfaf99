import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkFile, compareErrorCodes, findDeadFiles } from './tidy.ts';

const refused: [string, RegExp][] = [
  ['// TODO later', /finish it/],
  ['// good enough for now', /finish it/],
  ['const x = y as unknown as string;', /repair the type/],
  ['// eslint-disable-next-line no-console', /give the reason/],
  [`const dir = '/home/ann/thing';`, /path of one machine/],
];

for (const [line, reason] of refused) {
  test(`refused: ${line}`, () => {
    const problems = checkFile({ path: 'server/src/x.ts', text: `\n${line}\n` });
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^server\/src\/x\.ts:2: /);
    assert.match(problems[0] ?? '', reason);
  });
}

test('a word inside of another word, and a rule switched off with a reason, are allowed', () => {
  const text =
    '// MYTODOS\n// eslint-disable-next-line no-console -- the only output\na/home/ann/b\n';
  assert.deepEqual(checkFile({ path: 'x.ts', text }), []);
});

test('a long file and a long function are named', () => {
  const body = '  f();\n'.repeat(80);
  const text = `${'\n'.repeat(350)}export function f() {\n${body}}\n`;
  const problems = checkFile({ path: 'server/src/x.ts', text });
  assert.deepEqual(problems, [
    'server/src/x.ts: 432 lines, allowed are 400',
    'server/src/x.ts:351: function of 82 lines, allowed are 70',
  ]);
});

test('a source that only a test imports is dead', () => {
  const dead = findDeadFiles([
    { path: 'server/src/main.ts', text: `import './used.ts';` },
    { path: 'server/src/used.ts', text: '' },
    { path: 'server/src/unused.ts', text: '' },
    { path: 'server/src/unused.test.ts', text: `import './unused.ts';` },
  ]);
  assert.deepEqual(dead, ['server/src/unused.ts: nothing but tests uses it']);
});

test('error codes and their table are compared both ways', () => {
  const files = [{ path: 'server/src/a.ts', text: `throw new CodedError('ERR_NEW', 'x');` }];
  assert.deepEqual(compareErrorCodes(files, '| `ERR_OLD` | gone |'), [
    'server/src/a.ts: ERR_NEW has no row in server/docs/errors.md',
    'server/docs/errors.md: no code throws ERR_OLD',
  ]);
});
