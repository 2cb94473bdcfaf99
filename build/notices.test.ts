import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isCompatible, packageDirs } from './notices.ts';

test('packages are listed once, nested and scoped ones too, sources of our own not', () => {
  const inputs = [
    'server/src/main.ts',
    'node_modules/b/index.js',
    'node_modules/b/lib/x.js',
    'node_modules/@scope/a/index.js',
    'node_modules/b/node_modules/c/index.js',
  ];
  const metafile = {
    inputs: Object.fromEntries(inputs.map((name) => [name, { bytes: 1, imports: [] }])),
    outputs: {},
  };
  assert.deepEqual(packageDirs([metafile, metafile]), [
    'node_modules/@scope/a',
    'node_modules/b',
    'node_modules/b/node_modules/c',
  ]);
});

test('a licence that asks for more than Apache-2.0 allows is refused', () => {
  assert.equal(isCompatible('MIT'), true);
  assert.equal(isCompatible('(MIT OR GPL-3.0)'), true);
  assert.equal(isCompatible('GPL-3.0'), false);
  assert.equal(isCompatible('MIT AND GPL-3.0'), false);
});
