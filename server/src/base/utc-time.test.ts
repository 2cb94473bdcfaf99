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
  [Number.MIN_SAFE_INTEGER, '-283457-03-21 15:00:59'],
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

test('the days of an era are those of the next, up to the largest numbers', () => {
  const ERA_MS = Date.UTC(2400, 0, 1) - Date.UTC(2000, 0, 1);
  const shown = (timeMs: number): [year: number, rest: string] => {
    const [, year, rest = ''] = /^(-?\d+)(-.*)$/.exec(formatUtc(timeMs)) ?? [];
    return [Number(year), rest];
  };
  for (let timeMs = 0; timeMs < ERA_MS; timeMs += 86_400_000 * 97 + 3_599_000) {
    const [year, rest] = shown(timeMs);
    for (const eras of [-710, -6, -5, 5, 700]) {
      assert.deepEqual(shown(timeMs + eras * ERA_MS), [year + 400 * eras, rest]);
    }
  }
});
