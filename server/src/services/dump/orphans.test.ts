import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import type { DumpJob, JobStatus } from '../jobs/job.ts';
import { removeOrphanedDumps } from './orphans.ts';

const HOUR = 3_600_000;
const DIR = 'plugin-data/mattermost-plugin-metrics/dump';

function job(id: string, status: JobStatus): DumpJob {
  return { id, status, create_at: 0, min_t: 0, max_t: 1, dump_location: '' };
}

test('dumps without a job go after a day, those of a failed one and late blocks after an hour', async () => {
  const store = new MemoryFileStore();
  store.put(`${DIR}/unknown/tsdb_dump.tar.gz`, 'x');
  store.put(`${DIR}/finished/tsdb_dump.tar.gz`, 'x');
  store.put(`${DIR}/finished/head/block/index`, 'x');
  store.put(`${DIR}/running/head/block/index`, 'x');
  store.put(`${DIR}/young/head/block/index`, 'x', 24.5 * HOUR);
  store.put(`${DIR}/failed/tsdb_dump.tar.gz`, 'x');
  const jobs = [
    job('finished', 'success'),
    job('running', 'in_progress'),
    job('young', 'error'),
    job('failed', 'error'),
  ];
  const all = [...store.files.keys()];

  await removeOrphanedDumps(store, jobs, HOUR - 1);
  assert.deepEqual([...store.files.keys()], all);

  await removeOrphanedDumps(store, jobs, 24 * HOUR + 1);
  const left = all.filter((path) => !/unknown|failed|finished\/head/.test(path));
  assert.deepEqual([...store.files.keys()], left);
});
