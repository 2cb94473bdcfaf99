import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { makeLabels } from '../../model/labels.ts';
import { WalWriter } from '../wal/wal-writer.ts';
import { GroupCommit } from './group-commit.ts';
import { Head } from './head.ts';
import { PendingSamples } from './pending-samples.ts';
import { PENDING_COUNT, RECORD_DOUBLES } from './series-table.ts';

test('nothing is committed while a section has the log', async () => {
  const fs = new MemoryFs();
  await fs.makeDir('/wal');
  const clock = new FakeClock();
  const head = new Head({ clock, blockRangeMs: 7_200_000, seriesMax: 10 });
  const wal = new WalWriter(fs, '/wal', 0, 1024 * 1024);
  const commits = new GroupCommit(head, wal, clock, () => undefined);
  const slot = head.series(makeLabels([['__name__', 'up']]), (ref) => commits.addSeries(ref));
  const commitAt = (timeMs: number): Promise<void> => {
    const samples = new PendingSamples();
    samples.setOnly(timeMs, 0, 0);
    samples.refs[0] = head.table.refOf(slot);
    samples.slots[0] = slot;
    head.table.ints[slot * RECORD_DOUBLES * 2 + PENDING_COUNT]++;
    return commits.commit(samples);
  };

  const first = commitAt(1000);
  // Goes on in the very turn in which the log becomes free.
  const second = commits.idle().then(() => commitAt(2000));
  const section = commits.exclusive(async () => {
    const before = head.sampleCount;
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    assert.equal(head.sampleCount, before);
  });
  await Promise.all([first, second, section]);
  assert.equal(head.sampleCount, 2);
});
