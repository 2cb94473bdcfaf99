import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeLabels } from '../../model/labels.ts';
import { NO_LABEL_LIMITS, labelExcess } from './label-limits.ts';

const labels = makeLabels([
  ['__name__', 'requests_total'],
  ['path', 'größe'],
]);

const CASES: [limits: object, excess: string | undefined][] = [
  [{}, undefined],
  [{ count: 2, nameBytes: 8, valueBytes: 14 }, undefined],
  [{ count: 1 }, 'a series of requests_total has 2 labels, more than the limit of 1'],
  [
    { nameBytes: 7 },
    'a series of requests_total has a label name longer than the limit of 7 bytes: __name__',
  ],
  [
    { valueBytes: 13 },
    'a series of requests_total has a value of the label __name__ longer than the limit of 13 bytes',
  ],
];

for (const [limits, excess] of CASES) {
  test(`with the limits ${JSON.stringify(limits)}: ${excess ?? 'fine'}`, () => {
    assert.equal(labelExcess(labels, { ...NO_LABEL_LIMITS, ...limits }), excess);
  });
}

test('lengths are counted in bytes', () => {
  const path = labels.filter(({ name }) => name === 'path');
  assert.equal(labelExcess(path, { ...NO_LABEL_LIMITS, valueBytes: 7 }), undefined);
  assert.match(labelExcess(path, { ...NO_LABEL_LIMITS, valueBytes: 6 }) ?? '', /label path longer/);
});
