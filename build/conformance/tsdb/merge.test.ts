/** Blocks merged by us and by Prometheus' compactor come out the same, byte for byte. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { runMergeTask } from '../../../server/src/tsdb/compact/merge-task.ts';
import {
  makeBlock,
  type SeriesToWrite,
  testUlid,
} from '../../../server/test/support/make-block.ts';
import { Random, seedFromEnvironment } from '../../../server/test/support/random.ts';
import { goBuild } from '../../support/go.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { goSkip } from '../gob/skip.ts';

const HOUR_MS = 60 * 60 * 1000;
const START_MS = 1795334400000;
const root = temporaryDir('merge');

/** Metrics that come and go, some with times and values of their own. */
function randomSeries(random: Random, fromMs: number, toMs: number): SeriesToWrite[] {
  const series: SeriesToWrite[] = [];
  for (let s = 0; s < 200; s++) {
    if (random.below(5) === 0) continue;
    const samples: [number, number][] = [];
    let timeMs = fromMs + (s % 3 === 0 ? random.below(1000) : 0);
    for (let i = 0; timeMs < toMs && i < 150; i++, timeMs += 60000) {
      samples.push([timeMs, s % 2 === 0 ? i : random.below(1000) / 8]);
    }
    const labels = {
      __name__: `metric_${s % 20}`,
      id: String(s),
      ...(s % 7 === 0 && { zone: 'größer 🎈' }),
      ...(s % 11 === 0 && { only: String(fromMs) }),
    };
    series.push({ labels, samples });
  }
  return series;
}

describe('merging', { skip: goSkip }, () => {
  let program = '';
  before(() => {
    program = goBuild({ dir: join(import.meta.dirname, 'compactor'), name: 'compactor' });
  });

  const theirs = (...args: (string | number)[]): string =>
    execFileSync(program, args.map(String)).toString().trim();

  /** Merges the blocks both ways and compares all files. */
  async function compare(blockDirs: readonly string[]): Promise<void> {
    const out = join(root, `out-${readdirSync(root).length}`);
    mkdirSync(join(out, 'ours'), { recursive: true });
    mkdirSync(join(out, 'theirs'));
    const [ulid = ''] = theirs('compact', join(out, 'theirs'), ...blockDirs).split(' ');
    const input = { blockDirs, parentDir: join(out, 'ours'), ulid };
    assert.ok(await runMergeTask(diskFs, input, new AbortController().signal));
    for (const file of ['chunks/000001', 'index', 'tombstones', 'meta.json']) {
      const expected = readFileSync(join(out, 'theirs', ulid, file));
      assert.ok(readFileSync(join(out, 'ours', ulid, file)).equals(expected), `${file} differs`);
    }
  }

  async function blocks(ranges: readonly (readonly [number, number])[]): Promise<string[]> {
    const random = new Random(seedFromEnvironment());
    const dir = join(root, `in-${readdirSync(root).length}`);
    mkdirSync(dir);
    const dirs: string[] = [];
    for (const [i, [from, to]] of ranges.entries()) {
      const range = [START_MS + from * HOUR_MS, START_MS + to * HOUR_MS] as const;
      await makeBlock(diskFs, dir, testUlid(i), range, randomSeries(random, ...range));
      dirs.push(join(dir, testUlid(i)));
    }
    return dirs;
  }

  test('adjacent blocks', async () => {
    await compare(
      await blocks([
        [0, 2],
        [2, 4],
        [4, 6],
      ]),
    );
  });

  test('blocks with a gap between them', async () => {
    await compare(
      await blocks([
        [0, 2],
        [4, 6],
      ]),
    );
  });

  test('two blocks that overlap, and differ', async () => {
    await compare(
      await blocks([
        [0, 2],
        [1, 3],
      ]),
    );
  });

  test('many blocks that overlap, and differ', async () => {
    await compare(
      await blocks([
        [0, 2],
        [0, 2],
        [0.5, 1],
        [1, 3],
        [1.5, 3.5],
        [3, 4],
      ]),
    );
  });

  test('a block and its copy', async () => {
    const [dir = ''] = await blocks([[0, 2]]);
    cpSync(dir, `${dir}-copy`, { recursive: true });
    await compare([dir, `${dir}-copy`]);
  });

  test('blocks with tombstones', async () => {
    const dirs = await blocks([
      [0, 2],
      [2, 4],
    ]);
    const [first = '', second = ''] = dirs;
    theirs('delete', first, START_MS, START_MS + HOUR_MS, '__name__', 'metric_3');
    theirs('delete', first, START_MS + 5 * 60000, START_MS + 9 * 60000 + 1, '__name__', 'metric_4');
    theirs('delete', first, START_MS + 50 * 60000, START_MS + HOUR_MS, '__name__', 'metric_4');
    theirs('delete', second, START_MS, START_MS + 9 * HOUR_MS, '__name__', 'metric_5');
    await compare(dirs);
  });

  test('native histograms, integer and float', async () => {
    const dir = join(root, 'histograms');
    mkdirSync(dir);
    const made = [0, 2, 4].map((hours) =>
      theirs('histograms', dir, START_MS + hours * HOUR_MS, 6, 300),
    );
    await compare([...made, ...(await blocks([[6, 8]]))]);
  });
});
