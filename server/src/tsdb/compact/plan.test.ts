import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { testUlid } from '../../../test/support/make-block.ts';
import type { BlockMeta } from '../block/meta.ts';
import { mergedMeta, planMerge } from './plan.ts';

const RANGES = [20, 60, 180, 540];

function block(
  minTime: number,
  maxTime: number,
  extra: Partial<BlockMeta['stats']> = {},
): BlockMeta {
  const ulid = testUlid(Math.abs(minTime) % 100);
  const stats = { numSamples: 1, numSeries: 10, numChunks: 1, ...extra };
  return { ulid, minTime, maxTime, stats, compaction: { level: 1, sources: [ulid] }, version: 1 };
}

describe('the plan of merges', () => {
  // The cases of TestLeveledCompactor_plan in Prometheus tsdb/compact_test.go, as ranges.
  const cases: [string, [number, number][], [number, number][]][] = [
    ['nothing', [], []],
    ['one block', [[0, 20]], []],
    [
      'a range that is full, but the newest block is its last',
      [
        [0, 20],
        [20, 40],
        [40, 60],
      ],
      [],
    ],
    [
      'a full range with a newer block',
      [
        [0, 20],
        [20, 40],
        [40, 60],
        [60, 80],
      ],
      [
        [0, 20],
        [20, 40],
        [40, 60],
      ],
    ],
    [
      'a range with a gap, once newer blocks exist',
      [
        [0, 20],
        [40, 60],
        [60, 80],
        [80, 100],
      ],
      [
        [0, 20],
        [40, 60],
      ],
    ],
    [
      'the largest range',
      [
        [0, 60],
        [60, 120],
        [120, 180],
        [180, 200],
        [200, 220],
      ],
      [
        [0, 60],
        [60, 120],
        [120, 180],
      ],
    ],
    [
      'blocks that fit in no window',
      [
        [10, 70],
        [70, 130],
        [130, 150],
        [150, 170],
      ],
      [],
    ],
    [
      'times before 1970',
      [
        [-60, -40],
        [-40, -20],
        [-20, 0],
        [0, 20],
      ],
      [
        [-60, -40],
        [-40, -20],
        [-20, 0],
      ],
    ],
    [
      'overlaps first',
      [
        [0, 20],
        [19, 40],
        [40, 60],
        [60, 80],
      ],
      [
        [0, 20],
        [19, 40],
      ],
    ],
    [
      'a chain of overlaps',
      [
        [0, 20],
        [10, 40],
        [30, 60],
        [60, 80],
      ],
      [
        [0, 20],
        [10, 40],
        [30, 60],
      ],
    ],
    [
      'unsorted blocks',
      [
        [60, 80],
        [40, 60],
        [0, 20],
        [20, 40],
      ],
      [
        [0, 20],
        [20, 40],
        [40, 60],
      ],
    ],
  ];
  for (const [what, blocks, expected] of cases) {
    it(`takes ${what}`, () => {
      const planned = planMerge(
        blocks.map(([min, max]) => block(min, max)),
        RANGES,
      );
      assert.deepEqual(
        planned.map(({ minTime, maxTime }) => [minTime, maxTime]),
        expected,
      );
    });
  }

  it('writes a large block with many tombstones anew', () => {
    const blocks = [block(0, 540, { numTombstones: 3 }), block(540, 560)];
    assert.deepEqual(planMerge(blocks, RANGES), [blocks[0]]);
    assert.deepEqual(planMerge([block(0, 540), blocks[1]], RANGES), []);
  });

  it('does not try again what Prometheus failed to merge', () => {
    const blocks = [block(0, 20), block(20, 40), block(40, 60), block(60, 80)];
    const failed = { ...blocks[1], compaction: { ...blocks[1].compaction, failed: true } };
    assert.deepEqual(planMerge([blocks[0], failed, ...blocks.slice(2)], RANGES), []);
  });

  it('says what a merged block comes from', () => {
    const first = {
      ...block(20, 40),
      compaction: { level: 2, sources: [testUlid(7), testUlid(3)] },
    };
    const second = { ...block(0, 20), compaction: { level: 1, sources: [testUlid(3)] } };
    assert.deepEqual(mergedMeta([second, first]), {
      minTime: 0,
      maxTime: 40,
      compaction: {
        level: 3,
        sources: [testUlid(3), testUlid(7)],
        parents: [
          { ulid: second.ulid, minTime: 0, maxTime: 20 },
          { ulid: first.ulid, minTime: 20, maxTime: 40 },
        ],
      },
    });
  });
});
