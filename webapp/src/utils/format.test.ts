import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ageOf, formatAge, formatRange, formatSize, formatTime, formatUtc } from './format.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test('sizes in decimal units with three digits at most', () => {
  const sizes: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [999_949, '1 MB'],
    [12_345, '12.3 kB'],
    [123_456_789, '123 MB'],
    [5_400_000_000, '5.4 GB'],
    [7_000_000_000_000_000, '7,000 TB'],
  ];
  for (const [bytes, text] of sizes) {
    assert.equal(formatSize(bytes, 'en'), text);
  }
  assert.equal(formatSize(12_345, 'de'), '12,3 kB');
});

test('ages in the unit that fits', () => {
  assert.deepEqual(ageOf(12_900), { value: 12, unit: 'second' });
  assert.deepEqual(ageOf(59_999), { value: 59, unit: 'second' });
  assert.deepEqual(ageOf(MINUTE), { value: 1, unit: 'minute' });
  assert.deepEqual(ageOf(HOUR - 1), { value: 59, unit: 'minute' });
  assert.deepEqual(ageOf(47 * HOUR), { value: 47, unit: 'hour' });
  assert.deepEqual(ageOf(72 * HOUR), { value: 3, unit: 'day' });
});

test('what lies a moment ahead is now', () => {
  assert.equal(formatAge(-400, 'en'), formatAge(0, 'en'));
  assert.match(formatAge(12 * SECOND, 'en'), /^12\s?s/);
});

test('a range within a day names the day once, a reversed one does not throw', () => {
  const from = new Date(2019, 7, 21, 10, 15).getTime();
  const text = formatRange({ from, to: from + HOUR }, 'en');
  assert.equal(text.match(/Aug 21, 2019/g)?.length, 1);
  assert.match(text, /10:15.+11:15/);
  assert.equal(formatRange({ from, to: from - 48 * HOUR }, 'en').match(/2019/g)?.length, 2);
});

test('the current year goes without saying', () => {
  const year = new Date().getFullYear();
  assert.equal(formatTime(new Date(year, 7, 21, 10, 15).getTime(), 'en-GB'), '21 Aug, 10:15');
  assert.match(formatTime(new Date(year - 1, 7, 21, 10, 15).getTime(), 'en'), /Aug 21, \d{4}/);
});

test('UTC to the second', () => {
  assert.equal(formatUtc(Date.UTC(2026, 7, 21, 10, 15, 7, 999)), '2026-08-21 10:15:07 UTC');
});

test('times beyond four-digit years and beyond those of a Date are shown', () => {
  assert.equal(formatUtc(1_750_000_000_000_000), '57425-04-17 15:06:40 UTC');
  assert.equal(formatUtc(-99_999_999_999_000), '-1199-02-15 14:13:21 UTC');
  assert.equal(formatUtc(-63_000_000_000_000), '-0027-08-11 08:00:00 UTC');
  const beyond = 8_640_000_000_000_001;
  assert.equal(formatUtc(beyond), `${beyond} ms`);
  assert.equal(formatTime(beyond, 'en'), `${beyond} ms`);
  assert.equal(formatRange({ from: beyond, to: beyond }, 'en'), `${beyond} ms – ${beyond} ms`);
});
