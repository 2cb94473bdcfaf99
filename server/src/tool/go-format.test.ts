import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeLabels } from '../model/labels.ts';
import {
  formatBytes,
  formatDuration,
  formatFloat,
  formatLabelSet,
  formatTime,
  quote,
} from './go-format.ts';
import { TextOutput } from './text-output.ts';

// What Go 1.26 prints for %g.
const FLOATS: [number, string][] = [
  [0, '0'],
  [-0, '-0'],
  [1, '1'],
  [-1.5, '-1.5'],
  [100000, '100000'],
  [999999, '999999'],
  [999999.5, '999999.5'],
  [1e6, '1e+06'],
  [-1e6, '-1e+06'],
  [1234567, '1.234567e+06'],
  [1200000, '1.2e+06'],
  [123456789.5, '1.234567895e+08'],
  [1000000.5, '1.0000005e+06'],
  [1234567890123456789, '1.2345678901234568e+18'],
  [1e20, '1e+20'],
  [1e21, '1e+21'],
  [1.5e21, '1.5e+21'],
  [0.1, '0.1'],
  [0.0001, '0.0001'],
  [0.00012345, '0.00012345'],
  [0.00001, '1e-05'],
  [1.5e-7, '1.5e-07'],
  [5e-324, '5e-324'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
];

test('floats are printed as Go does', () => {
  for (const [value, text] of FLOATS) assert.equal(formatFloat(value), text);
});

test('texts are quoted as Go does', () => {
  const cases: [string, string][] = [
    ['abc', '"abc"'],
    ['', '""'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\n\t\x00\x7f', '"\\n\\t\\x00\\x7f"'],
    ['größer 🎈', '"größer 🎈"'],
    ['\u00a0\u200b\u{e0001}', '"\\u00a0\\u200b\\U000e0001"'],
  ];
  for (const [text, quoted] of cases) assert.equal(quote(text), quoted);
  assert.equal(
    formatLabelSet(
      makeLabels([
        ['b', '1'],
        ['a', '"'],
      ]),
    ),
    '{a="\\"", b="1"}',
  );
});

test('times, lengths of time and sizes are printed as Go does', () => {
  assert.equal(formatTime(1795284000999), '2026-11-21 18:00:00 +0000 UTC');
  assert.equal(formatTime(-1), '1970-01-01 00:00:00 +0000 UTC');
  assert.deepEqual([0, 1, 999, 1000, 1500, 60000, 7140001, 7200000, -90000].map(formatDuration), [
    '0s',
    '1ms',
    '999ms',
    '1s',
    '1.5s',
    '1m0s',
    '1h59m0.001s',
    '2h0m0s',
    '-1m30s',
  ]);
  assert.deepEqual([0, 1, 1024, 1025, 5166214].map(formatBytes), [
    '0B',
    '1B',
    '1KiB',
    '1KiB1B',
    '4MiB949KiB134B',
  ]);
});

test('numbers of any length come out whole, whatever the pieces', async () => {
  const written: string[] = [];
  const out = new TextOutput({
    write: async (bytes) => {
      written.push(new TextDecoder().decode(bytes));
    },
  });
  const numbers = [0, 9, 10, 999999, 1000000, 1000001, 123456789012, 1e12, 1795284000000];
  numbers.push(Number.MAX_SAFE_INTEGER, -1, -1795284000001, Number.MIN_SAFE_INTEGER);
  const expected: string[] = [];
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 200_000; i++) {
    const number = numbers[i % numbers.length];
    out.integer(number);
    const [value, text] = FLOATS[(i >> 2) % FLOATS.length];
    view.setFloat64(0, value);
    out.byte(0x20);
    out.float(view.getInt32(0), view.getInt32(4));
    out.byte(0x0a);
    expected.push(`${number} ${text}\n`);
    if (out.isFull) await out.settle();
  }
  await out.finish();
  assert.equal(written.join(''), expected.join(''));
  assert.ok(written.length > 3);
});

test('an error of the sink reaches the one who waits', async () => {
  const out = new TextOutput({ write: () => Promise.reject(new Error('full')) });
  out.text('x');
  await assert.rejects(out.finish(), /full/);
});
