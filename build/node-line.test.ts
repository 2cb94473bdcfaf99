import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newestOfLine } from './node-line.ts';

test('the newest of a line is found by its numbers, among its own line alone', () => {
  const published = ['24.9.0', '24.21.0', '24.3.1', '24.22.0-rc.1', '25.1.0', '20.30.0'];
  assert.equal(newestOfLine('24.9.0', published), '24.21.0');
  assert.equal(newestOfLine('24.21.0', published), '24.21.0');
  assert.equal(newestOfLine('24.21.3', published), '24.21.3');
  assert.equal(newestOfLine('20.1.0', published), '20.30.0');
  assert.equal(newestOfLine('22.1.0', []), '22.1.0');
});
