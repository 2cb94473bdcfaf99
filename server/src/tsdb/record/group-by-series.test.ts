import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { groupBySeries } from './group-by-series.ts';
import { SampleColumns } from './sample-columns.ts';

describe('samples grouped by series', () => {
  const shapes = [
    ['neighbours', 5000, 1, 800],
    ['one series', 3000, 7, 1],
    ['few samples', 100, 1, 20],
    ['references far apart', 3000, 1, 2 ** 40],
  ] as const;
  for (const [name, count, firstRef, refs] of shapes) {
    test(name, () => {
      const random = new Random(seedFromEnvironment());
      const samples = columns(count);
      for (let i = 0; i < count; i++) {
        samples.refs[i] = firstRef + random.below(refs);
        samples.times[i] = 1_700_000_000_000 + i;
        samples.valuesHi[i] = random.below(2 ** 31) * -1;
        samples.valuesLo[i] = i;
      }
      const [from, to] = [10, count - 10];
      const into = columns(count);
      groupBySeries(samples, from, to, into);

      const { found, runs } = bySeries(into, from, to);
      assert.deepEqual(found, bySeries(samples, from, to).found);
      if (refs < count && count > 1024) assert.equal(runs, found.size, 'a series stands apart');
      for (const i of [0, 9, to, count - 1]) assert.equal(into.times[i], 0, 'outside of the range');
    });
  }
});

function columns(count: number): SampleColumns {
  const made = new SampleColumns();
  made.reserve(count);
  made.count = count;
  return made;
}

/** The samples of each series in their order, and how often the series changes. */
function bySeries(
  { refs, times, valuesHi, valuesLo }: SampleColumns,
  from: number,
  to: number,
): { found: Map<number, number[][]>; runs: number } {
  const found = new Map<number, number[][]>();
  let runs = 0;
  for (let i = from; i < to; i++) {
    if (i === from || refs[i] !== refs[i - 1]) runs++;
    const sample = [times[i], valuesHi[i], valuesLo[i]];
    const list = found.get(refs[i]);
    if (list === undefined) found.set(refs[i], [sample]);
    else list.push(sample);
  }
  return { found, runs };
}
