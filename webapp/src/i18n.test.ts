import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import english from '../i18n/en.json' with { type: 'json' };

const source = globSync('**/*.{ts,tsx}', { cwd: import.meta.dirname })
  .map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))
  .join('\n');

test('every text is used, be it by a template', () => {
  const templates = [...source.matchAll(/`(metricsPlugin\.\w+\.)\$\{/g)].map((match) => match[1]);
  const unused = Object.keys(english).filter(
    (id) => !source.includes(`'${id}'`) && !templates.some((prefix) => id.startsWith(`${prefix}`)),
  );
  assert.deepEqual(unused, []);
});

test('texts are sorted by id', () => {
  const ids = Object.keys(english);
  assert.deepEqual(ids, [...ids].sort());
});
