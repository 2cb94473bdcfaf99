import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JobStatus } from '../types/api.ts';
import { collectedRange, hasUnfinishedJob } from './selectors.ts';

function stats(min_t: number, max_t: number) {
  return { min_t, max_t, num_series: 1, num_samples: 1 };
}

function status(min_t: number, max_t: number) {
  const head = { series: 1, samples: 1, min_t, max_t };
  return {
    version: '',
    isStarting: false,
    isStalled: false,
    lastSyncMs: 0,
    warnings: [],
    targets: [],
    head,
  };
}

test('the collected range spans blocks and head', () => {
  assert.deepEqual(collectedRange(stats(10, 20), status(15, 30)), { from: 10, to: 30 });
  assert.deepEqual(collectedRange(stats(10, 20), undefined), { from: 10, to: 20 });
});

test('an empty store or head has no part in the range', () => {
  assert.deepEqual(collectedRange(stats(0, 0), status(15, 30)), { from: 15, to: 30 });
  assert.equal(collectedRange(stats(0, 0), status(0, 0)), undefined);
  assert.equal(collectedRange(undefined, undefined), undefined);
});

test('what tells that nothing is scraped is no sample', () => {
  const withHead = (newest: number) => {
    const one = status(15, 90);
    return { ...one, head: { ...one.head, newest_scraped_t: newest, scraped_series: 0 } };
  };
  assert.deepEqual(collectedRange(stats(10, 20), withHead(30)), { from: 10, to: 30 });
  assert.deepEqual(collectedRange(stats(10, 20), withHead(0)), { from: 10, to: 20 });
  assert.equal(collectedRange(stats(0, 0), withHead(0)), undefined);
});

test('waiting and running dumps are unfinished', () => {
  const jobs = (status: JobStatus) => [
    { id: 'a', status, create_at: 1, min_t: 1, max_t: 2, dump_location: '' },
  ];
  assert.deepEqual(
    (['pending', 'in_progress', 'success', 'error'] as const).map((s) => hasUnfinishedJob(jobs(s))),
    [true, true, false, false],
  );
});
