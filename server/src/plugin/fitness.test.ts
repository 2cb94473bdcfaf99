import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryFs } from '../../test/support/memory-fs.ts';
import { CodedError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { OpenDatabase } from './database-keeper.ts';
import type { MetricsDb } from './database-keeper.ts';
import { Fitness } from './fitness.ts';

function setUp() {
  const clock = new FakeClock();
  const board = new WarningBoard(silentLogger);
  const fs = new MemoryFs();
  const db = { dir: 'tsdb', blocks: () => [], headStats: () => ({ maxTimeMs: undefined }) };
  const fitness = new Fitness({ clock, board });
  // Only these members are used.
  fitness.setDatabase(new OpenDatabase(db as object as MetricsDb, fs, clock));
  return { clock, board, fs, fitness, codes: () => board.list().map(({ code }) => code) };
}

suite('a look at clock and disk', () => {
  test('is over within 5 s when the disk hangs', async () => {
    const { clock, fs, fitness, codes } = setUp();
    fs.open = () => new Promise(() => {});
    let isFit: boolean | undefined;
    void fitness.check().then((found) => (isFit = found));
    await clock.advance(4_900);
    assert.equal(isFit, undefined);
    await clock.advance(200);
    assert.equal(isFit, false);
    assert.deepEqual(codes(), ['disk_takes_nothing']);
  });

  for (const call of ['open', 'makeDir', 'rename', 'remove', 'removeTree'] as const) {
    test(`rejects at no failure of the disk: ${call}`, async () => {
      const { fs, fitness } = setUp();
      const fail = (): Promise<never> => Promise.reject(new CodedError('ERR_FS', 'no luck'));
      Object.assign(fs, { [call]: fail });
      assert.equal(typeof (await fitness.check()), 'boolean');
      assert.equal(typeof (await fitness.probeDisk()), 'boolean');
    });
  }

  test('says no without a database', async () => {
    const { clock, board } = setUp();
    assert.equal(await new Fitness({ clock, board }).check(), false);
  });
});
