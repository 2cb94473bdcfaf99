import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compareLabels, compareText, makeLabels } from './labels.ts';

const encoder = new TextEncoder();

test('text sorts by its UTF-8 bytes, surrogate pairs included', () => {
  const words = ['', 'a', 'ab', 'b', 'ä', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'];
  for (const a of words) {
    for (const b of words) {
      const bytes = Math.sign(Buffer.compare(encoder.encode(a), encoder.encode(b)));
      assert.equal(
        Math.sign(compareText(a, b)),
        bytes,
        `${JSON.stringify(a)} ${JSON.stringify(b)}`,
      );
    }
  }
});

test('empty values are no labels, names are sorted', () => {
  assert.deepEqual(
    makeLabels([
      ['job', 'node'],
      ['__name__', 'up'],
      ['zone', ''],
    ]),
    [
      { name: '__name__', value: 'up' },
      { name: 'job', value: 'node' },
    ],
  );
});

test('a label set sorts before its extensions', () => {
  const short = makeLabels([['a', '1']]);
  const long = makeLabels([
    ['a', '1'],
    ['b', '1'],
  ]);
  assert.ok(compareLabels(short, long) < 0);
  assert.ok(compareLabels(long, short) > 0);
  assert.equal(compareLabels(long, long), 0);
});
