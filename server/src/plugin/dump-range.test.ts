import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseDumpRange } from './dump-range.ts';

const NOW = Date.UTC(2026, 1, 10, 12);
const HOUR = 3_600_000;

describe('the range of /metrics dump', () => {
  const good: [string, number, number][] = [
    ['', NOW - 24 * HOUR, NOW],
    ['90m', NOW - 1.5 * HOUR, NOW],
    ['1d12h', NOW - 36 * HOUR, NOW],
    ['2w', NOW - 14 * 24 * HOUR, NOW],
    ['999999w', 0, NOW],
    ['2026-02-09', Date.UTC(2026, 1, 9), NOW],
    ['2024-02-29', Date.UTC(2024, 1, 29), NOW],
    ['2026-02-09 2026-02-10T01:30', Date.UTC(2026, 1, 9), Date.UTC(2026, 1, 10, 1, 30)],
    [
      '2026-02-09T10:00:05Z 2026-02-09T12:00+01:00',
      Date.UTC(2026, 1, 9, 10, 0, 5),
      Date.UTC(2026, 1, 9, 11),
    ],
  ];
  for (const [text, minTimeMs, maxTimeMs] of good) {
    it(`understands "${text}"`, () => {
      const words = text === '' ? [] : text.split(' ');
      assert.deepEqual(parseDumpRange(words, NOW), { minTimeMs, maxTimeMs });
    });
  }

  const bad: [string, RegExp][] = [
    ['0h', /empty/],
    ['24', /neither a duration/],
    ['h', /neither a duration/],
    ['1y', /neither a duration/],
    ['1h 2h', /either a duration or two times/],
    ['2026-02-09 24h', /`24h` is neither/],
    ['2026-02-30T99:99', /neither/],
    ['2026-02-29', /neither/],
    ['2026-01-31 2026-02-31', /`2026-02-31` is neither/],
    ['2026-04-31T12:00+02:00', /neither/],
    ['2026-01-31T10:60', /neither/],
    ['2026-00-10', /neither/],
    ['2026-13-10', /neither/],
    ['1969-12-31', /neither/],
    ['2026-02-11', /before/],
    ['2026-02-10 2026-02-09', /before/],
    ['a b c', /Give a duration/],
    ['`x`'.repeat(50), /^`'x''x'/],
  ];
  for (const [text, message] of bad) {
    it(`refuses "${text.slice(0, 30)}" with a sentence`, () => {
      const result = parseDumpRange(text.split(' '), NOW);
      assert.ok(typeof result === 'string');
      assert.match(result, message);
      assert.ok(result.length < 250);
    });
  }
});
