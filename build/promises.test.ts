import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkPromises, checkTests, namedTests, parsePromises, promisesOf } from './promises.ts';

function sentences(path: string, text: string): string[] {
  return promisesOf({ path, text }).map(({ sentence }) => sentence);
}

test('sentences of comments count, strings and names do not', () => {
  const source = `
    // The first line goes on
    // in the second, and never ends. What follows is another sentence.
    const never = 'it cannot be'; // Always here.
    /**
     * A table:
     * - within this item
     * - and not in that
     * @returns every one
     */
    export const text = \`never \${never /* cannot */}\`;
  `;
  assert.deepEqual(sentences('x.ts', source), [
    'The first line goes on in the second, and never ends.',
    'Always here.',
    '- within this item',
    '@returns every one',
    'cannot',
  ]);
});

test('paragraphs, items and rows of a document count, code does not', () => {
  const document = [
    'It is so in',
    'every case. And `never` there.',
    '',
    '- nothing here',
    '- **never** here',
    '| `x` | cannot |',
    '```',
    'always',
    '```',
  ].join('\n');
  assert.deepEqual(sentences('x.md', document), [
    'It is so in every case.',
    '- never here',
    '| `…` | cannot |',
  ]);
});

test('a row of a document that names its tests is listed there, and they must be there', () => {
  const document = {
    path: 'x.md',
    text: [
      '| promise | tests |',
      '|---|---|',
      '| It never rains. | `x.test.ts`: the sky holds; `y.ts`: a \\| b |',
      '| It never snows. | `x.ts`: the sky holds |',
      '| It never thaws. | `x.test.ts`:  |',
      '',
      'It never hails, says `x.test.ts`: the sky holds.',
    ].join('\n'),
  };
  assert.deepEqual(sentences(document.path, document.text), [
    '| It never snows.',
    '| It never thaws.',
    'It never hails, says `…`: the sky holds.',
  ]);
  const tests = namedTests(document);
  assert.deepEqual(tests, [
    { path: 'x.test.ts', title: 'the sky holds' },
    { path: 'y.ts', title: 'a | b' },
  ]);
  assert.deepEqual(checkTests(document.path, tests, files), ['x.md: y.ts has no test "a | b"']);
});

const files = [{ path: 'x.test.ts', text: `test('the sky holds', () => {});` }];
const promised = [{ path: 'x.ts', sentence: 'The sky never falls.' }];

function complaints(row: string): string[] {
  return checkPromises(promised, parsePromises(row), files);
}

test('a promise with its test passes', () => {
  assert.deepEqual(complaints('| `x.ts` | sky never falls | `x.test.ts`: the sky holds |'), []);
});

test('a promise without a row, a row without a promise, and tests that are not there are told', () => {
  assert.deepEqual(complaints(''), ['x.ts: no test is named for: The sky never falls.']);
  assert.deepEqual(complaints('| `x.ts` | sky never falls | none |'), [
    'server/docs/promises.md: no test for: sky never falls',
  ]);
  assert.deepEqual(
    complaints('| `x.ts` | sky never falls | `x.test.ts`: the sky is blue; `y.test.ts`: the sky |'),
    [
      'server/docs/promises.md: x.test.ts has no test "the sky is blue"',
      'server/docs/promises.md: y.test.ts has no test "the sky"',
    ],
  );
  assert.deepEqual(complaints('| `y.ts` | sky never falls | `x.test.ts`: the sky holds |'), [
    'x.ts: no test is named for: The sky never falls.',
    'server/docs/promises.md: y.ts does not say: sky never falls',
  ]);
});
