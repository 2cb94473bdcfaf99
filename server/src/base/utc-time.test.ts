import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatUtc, formatUtcMinute } from './utc-time.ts';

// What Go's time.Unix(…).UTC().String() says.
const times: [timeMs: number, text: string][] = [
  [0, '1970-01-01 00:00:00'],
  [-1, '1969-12-31 23:59:59'],
  [951_868_799_999, '2000-02-29 23:59:59'],
  [1_709_164_800_000, '2024-02-29 00:00:00'],
  [4_107_542_400_000, '2100-03-01 00:00:00'],
  [-2_203_891_200_000, '1900-03-01 00:00:00'],
  [253_402_300_800_000, '10000-01-01 00:00:00'],
  [1_750_000_000_000_000, '57425-04-17 15:06:40'],
  [8_640_000_000_000_001, '275760-09-13 00:00:00'],
  [Number.MAX_SAFE_INTEGER, '287396-10-12 08:59:00'],
  [-62_135_596_801_000, '0000-12-31 23:59:59'],
  [-62_167_219_201_000, '-0001-12-31 23:59:59'],
  [-63_000_000_000_000, '-0027-08-11 08:00:00'],
  [Number.MIN_SAFE_INTEGER + 991, '-283457-03-21 15:01:00'],
];
for (const [timeMs, text] of times) {
  test(`${timeMs} is ${text}`, () => assert.equal(formatUtc(timeMs), text));
}

test('every day of the years that a Date knows is the same', () => {
  for (let timeMs = Date.UTC(1800, 0, 1); timeMs < Date.UTC(2300, 0, 1); timeMs += 86_399_000) {
    const text = new Date(timeMs).toISOString();
    assert.equal(formatUtc(timeMs), text.slice(0, 19).replace('T', ' '));
    assert.equal(formatUtcMinute(timeMs), text.slice(0, 16).replace('T', ' '));
  }
});
