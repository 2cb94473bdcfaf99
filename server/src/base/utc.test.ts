import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TIME_MAX_MS, utcMinute } from './utc.ts';

test('a minute in UTC, also of times that are none', () => {
  assert.equal(utcMinute(Date.UTC(2026, 0, 31, 12, 5, 59)), '2026-01-31 12:05');
  assert.equal(utcMinute(-1), '1969-12-31 23:59');
  assert.equal(utcMinute(TIME_MAX_MS), '+275760-09-13 00:00');
  for (const timeMs of [TIME_MAX_MS + 1, -1e300, Infinity, NaN]) {
    assert.equal(utcMinute(timeMs), '(no date)');
  }
});
