import assert from 'node:assert/strict';
import { test } from 'node:test';

import { rangeOf, toInput } from './range.ts';
import type { Choice } from './range.ts';

const NOW = new Date(2026, 7, 21, 12, 0, 30).getTime();
const COLLECTED = { from: NOW - 10_000_000, to: NOW - 5_000 };
const HOUR = 3_600_000;

function choose(choice: Choice, from = '', to = '') {
  return rangeOf({ choice, from, to }, NOW, COLLECTED);
}

test('presets reach back from now', () => {
  assert.deepEqual(choose('hour'), { from: NOW - HOUR, to: NOW });
  assert.deepEqual(choose('sixHours'), { from: NOW - 6 * HOUR, to: NOW });
  assert.deepEqual(choose('day'), { from: NOW - 24 * HOUR, to: NOW });
  assert.deepEqual(choose('threeDays'), { from: NOW - 72 * HOUR, to: NOW });
});

test('everything begins with the oldest sample', () => {
  assert.deepEqual(choose('all'), { from: COLLECTED.from, to: NOW });
  assert.equal(rangeOf({ choice: 'all', from: '', to: '' }, NOW, undefined), 'noData');
});

test('a range of one s own is local time', () => {
  assert.deepEqual(choose('custom', '2026-08-21T10:15', '2026-08-21T11:00'), {
    from: new Date(2026, 7, 21, 10, 15).getTime(),
    to: new Date(2026, 7, 21, 11, 0).getTime(),
  });
});

test('what is wrong with a range of one s own is named', () => {
  const table: [string, string, string][] = [
    ['', '2026-08-21T11:00', 'fromMissing'],
    ['2026-08-21T10:00', '', 'toMissing'],
    ['2026-08-21T11:00', '2026-08-21T11:00', 'order'],
    ['2026-08-21T11:01', '2026-08-21T11:00', 'order'],
    ['2026-08-22T10:00', '2026-08-22T11:00', 'future'],
    ['no date', '2026-08-21T11:00', 'fromMissing'],
    ['2026-02-31T10:00', '2026-08-21T11:00', 'fromMissing'],
    ['0001-01-01T00:00', '2026-08-21T11:00', 'fromMissing'],
    ['2026-08-21T10:00', '2026-06-31T11:00', 'toMissing'],
    ['2026-08-21T10:00', '999999-06-30T11:00', 'toMissing'],
  ];
  for (const [from, to, problem] of table) {
    assert.equal(choose('custom', from, to), problem, `${from} to ${to}`);
  }
});

test('a time put into a field and read back is the same minute', () => {
  const minute = NOW - (NOW % 60_000);
  const range = choose('custom', toInput(minute - 60_000), toInput(minute));
  assert.deepEqual(range, { from: minute - 60_000, to: minute });
});
