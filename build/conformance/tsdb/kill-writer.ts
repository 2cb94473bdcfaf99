// A process that stores scrapes until it is killed: each with one sample for each of its series, at the
// time of day. The folder is its argument. A line with the scrape's time goes to stdout once the
// database has acknowledged it.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { silentLogger } from '../../../server/src/base/log.ts';
import { makeLabels } from '../../../server/src/model/labels.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { Db, tsdbTasks } from '../../../server/src/tsdb/index.ts';
import { inlineTasks } from '../../../server/test/support/inline-tasks.ts';

/** Short, so that a kill often hits the making of a block, a checkpoint or a removal. */
const BLOCK_RANGE_MS = 2_000;
const MAINTENANCE_INTERVAL_MS = 100;
const WAL_SEGMENT_BYTES = 64 * 1024;
const SERIES_COUNT = 20;

const db = await Db.open({
  fs: diskFs,
  dir: process.argv[2] ?? '',
  clock: systemClock,
  logger: silentLogger,
  tasks: inlineTasks(tsdbTasks(diskFs)),
  blockRangeMs: BLOCK_RANGE_MS,
  maintenanceIntervalMs: MAINTENANCE_INTERVAL_MS,
  walSegmentBytes: WAL_SEGMENT_BYTES,
});
const series = Array.from({ length: SERIES_COUNT }, (_, i) =>
  makeLabels([
    ['__name__', 'kill'],
    ['i', String(i)],
  ]),
);
writeSync(1, 'open\n');
for (let lastMs = 0; ;) {
  // One scrape a millisecond at most: a second one of the same time would be a duplicate.
  const timeMs = Date.now();
  if (timeMs > lastMs) {
    const appender = db.appender();
    for (const labels of series) appender.append(appender.series(labels), timeMs, timeMs);
    await appender.commit();
    writeSync(1, `${timeMs}\n`);
    lastMs = timeMs;
  }
  await sleep(3);
}
