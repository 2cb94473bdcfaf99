import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { makeBlock, testUlid } from '../../../test/support/make-block.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { fuzzMs, Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { readBlockSamples, type SampleTable } from '../../../test/support/tsdb-samples.ts';
import { verifyBlock } from '../block/block-reader.ts';
import { salvageBlock } from './salvage.ts';

const IN = 'in';
const OUT = 'out';
const DAMAGED = `${IN}/${testUlid(0)}`;
const NEW = testUlid(1);
const FILES = ['index', 'chunks/000001', 'meta.json', 'tombstones'];

async function newBlock(): Promise<MemoryFs> {
  const fs = new MemoryFs();
  await fs.makeDir(IN);
  await fs.makeDir(OUT);
  const series = Array.from({ length: 40 }, (_, s) => ({
    labels: { __name__: `m${s % 4}`, id: `${s}` },
    samples: Array.from({ length: 30 }, (__, i): [number, number] => [i * 1000, (s * i) % 7]),
  }));
  await makeBlock(fs, IN, testUlid(0), [0, 30_000], series);
  return fs;
}

async function writeFile(fs: MemoryFs, path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'create');
  await file.write(bytes);
  await file.close();
}

/** Number of samples in `found`, all of which must be in `original`. */
function countOf(found: SampleTable, original: SampleTable, what: string): number {
  let count = 0;
  for (const [series, samples] of found) {
    for (const [timeMs, bits] of samples) {
      assert.equal(original.get(series)?.get(timeMs), bits, `${what}: ${series} at ${timeMs}`);
      count++;
    }
  }
  return count;
}

describe('what is left of a damaged block', () => {
  it('is a whole block without a sample that was not there, whatever is flipped or cut', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    const original = await readBlockSamples(await newBlock(), [DAMAGED]);
    const end = performance.now() + fuzzMs();
    let kept = 0;
    for (let run = 0; run < 60 || performance.now() < end; run++) {
      const what = `SEED=${random.seed} run ${run}`;
      const fs = await newBlock();
      const path = `${DAMAGED}/${random.pick(FILES)}`;
      const bytes = await fs.readFile(path);
      const bad = random.below(4) === 0 ? bytes.slice(0, random.below(bytes.length)) : bytes;
      for (let flips = random.below(4); flips > 0 && bad.length > 0; flips--) {
        bad[random.below(bad.length)] ^= 1 << random.below(8);
      }
      await writeFile(fs, path, bad);
      const { signal } = new AbortController();
      const { meta } = await salvageBlock(fs, DAMAGED, testUlid(0), OUT, NEW, signal);
      if (meta === undefined) continue;
      assert.equal((await verifyBlock(fs, `${OUT}/${NEW}`)).ulid, NEW, what);
      const found = await readBlockSamples(fs, [`${OUT}/${NEW}`]);
      assert.equal(countOf(found, original, what), meta.stats.numSamples);
      kept += meta.stats.numSamples;
    }
    assert.ok(kept > 10 * 40 * 30, 'most damage costs little');
  });

  it('is everything when only meta.json is gone', async () => {
    const fs = await newBlock();
    const original = await readBlockSamples(fs, [DAMAGED]);
    await fs.remove(`${DAMAGED}/meta.json`);
    const { signal } = new AbortController();
    const result = await salvageBlock(fs, DAMAGED, testUlid(0), OUT, NEW, signal);
    assert.deepEqual(result.meta?.compaction.sources, [testUlid(0)]);
    assert.deepEqual([result.lostChunks, result.expectedSamples], [0, undefined]);
    assert.deepEqual([result.meta?.minTime, result.meta?.maxTime], [0, 29_001]);
    assert.deepEqual(await readBlockSamples(fs, [`${OUT}/${NEW}`]), original);
  });
});
