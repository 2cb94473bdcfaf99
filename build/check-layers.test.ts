import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findCycles, findStaleNames, findViolations, parseLayers } from './check-layers.ts';

const layers = parseLayers(
  JSON.stringify({
    folders: {
      base: { level: 0 },
      platform: { level: 1, outer: ['node'], seenBy: ['main.ts'] },
      'a/low': { level: 2, tower: 'a' },
      'a/high': { level: 3, tower: 'a' },
      b: { level: 4, tower: 'b' },
      services: { level: 5, not: ['a'] },
      'main.ts': { level: 6, outer: ['node'] },
    },
  }),
);

function violationsOf(path: string, text: string): string[] {
  return findViolations([{ path: `server/src/${path}`, text }], layers);
}

const allowed: [string, string][] = [
  ['a/high/x.ts', `import { y } from '../low/y.ts';`],
  ['a/high/x.ts', `import type { y } from './y.ts';`],
  ['b/x.ts', `export * from '../base/bytes/crc.ts';`],
  ['main.ts', `import { disk } from './platform/disk.ts'; import 'node:fs';`],
  ['a/low/x.test.ts', `import '../../b/y.ts'; import 'node:fs';`],
];

for (const [path, text] of allowed) {
  test(`allowed: ${path}: ${text}`, () => assert.deepEqual(violationsOf(path, text), []));
}

const refused: [string, string, RegExp][] = [
  ['a/low/x.ts', `import { y } from '../high/y.ts';`, /level 2 may not import level 3/],
  ['a/low/x.ts', `import type { Y } from '../high/y.ts';`, /level 2 may not import level 3/],
  ['a/low/x.ts', `await import('../high/y.ts');`, /level 2 may not import level 3/],
  ['a/low/x.ts', `export { y } from '../high/y.ts';`, /level 2 may not import level 3/],
  ['b/x.ts', `import '../a/low/y.ts';`, /tower b may not import tower a/],
  ['services/x.ts', `import '../a/low/y.ts';`, /services may not import a\/low/],
  ['b/x.ts', `import '../platform/disk.ts';`, /platform is seen by main.ts/],
  ['base/x.ts', `import 'node:fs';`, /through the ports/],
  ['base/x.ts', `import '@scope/some/deep';`, /package is not among those/],
  ['base/x.ts', `import '../../../webapp/src/x.ts';`, /outside of server\/src/],
  ['unknown/x.ts', ``, /has no level/],
];

for (const [path, text, reason] of refused) {
  test(`refused: ${path}: ${text}`, () => {
    const violations = violationsOf(path, text);
    assert.equal(violations.length, 1);
    assert.match(violations[0] ?? '', reason);
  });
}

test('a name in the table that no file has is told', () => {
  const files = ['base/x.ts', 'platform/x.ts', 'a/low/x.ts', 'a/high/deep/x.ts', 'main.ts'];
  const sources = files.map((path) => ({ path: `server/src/${path}`, text: '' }));
  assert.deepEqual(findStaleNames(sources, layers), [
    'build/layers.json: b: there is no such file or folder',
    'build/layers.json: services: there is no such file or folder',
  ]);
});

test('a cycle of files is named with its way around', () => {
  const cycles = findCycles([
    { path: 'server/src/base/a.ts', text: `import './b.ts';` },
    { path: 'server/src/base/b.ts', text: `import { a } from './a.ts';` },
  ]);
  assert.deepEqual(cycles, [
    'import cycle: server/src/base/a.ts > server/src/base/b.ts > server/src/base/a.ts',
  ]);
});

test('a cycle of types is no cycle', () => {
  const cycles = findCycles([
    { path: 'server/src/base/a.ts', text: `import { b } from './b.ts';` },
    { path: 'server/src/base/b.ts', text: `import type { A } from './a.ts';` },
  ]);
  assert.deepEqual(cycles, []);
});
