import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BadAnswerError, parseJobs, parseStats, parseStatus } from './validate.ts';

const JOB = { id: 'a', status: 'success', create_at: 5, min_t: 1, max_t: 2, dump_location: 'x' };

test('jobs come newest first, with what is optional left away', () => {
  const newer = { ...JOB, id: 'b', create_at: 9, size_bytes: 77, error: 'cut short', extra: true };
  assert.deepEqual(parseJobs([JOB, newer]), [
    {
      id: 'b',
      status: 'success',
      create_at: 9,
      min_t: 1,
      max_t: 2,
      dump_location: 'x',
      error: 'cut short',
      size_bytes: 77,
    },
    JOB,
  ]);
});

test('Go writes an empty list as null', () => {
  assert.deepEqual(parseJobs(null), []);
  assert.deepEqual(parseStatus({ version: '1', warnings: null, targets: null }).targets, []);
});

test('progress stays within its bar', () => {
  const progressOf = (progress: unknown) => parseJobs([{ ...JOB, progress }])[0]?.progress;
  assert.deepEqual([-3, 0.42, 400, '9', undefined].map(progressOf), [
    0,
    0.42,
    1,
    undefined,
    undefined,
  ]);
});

test('answers of another shape are refused', () => {
  const bad: (() => unknown)[] = [
    () => parseJobs({ jobs: [] }),
    () => parseJobs('<html>'),
    () => parseJobs([{ ...JOB, status: 'unheard of' }]),
    () => parseJobs([{ ...JOB, id: 7 }]),
    () => parseJobs([null]),
    () => parseStats([]),
    () => parseStats(undefined),
    () => parseStatus({ targets: 'none' }),
    () => parseStatus({ head: 5 }),
  ];
  for (const parse of bad) {
    assert.throws(parse, BadAnswerError);
  }
});

test('numbers that are missing or no numbers are nought', () => {
  assert.deepEqual(parseStats({ min_t: '5', num_series: NaN }), {
    min_t: 0,
    max_t: 0,
    num_series: 0,
    num_samples: 0,
  });
});

test('the state of the plugin is read where it is told', () => {
  const status = parseStatus({ scraper: { state: 'starting' }, sync: { last_success_ms: 9 } });
  assert.equal(status.isStarting, true);
  assert.equal(status.lastSyncMs, 9);
  assert.equal(status.lastCopiedMs, undefined);
  const stalled = parseStatus({
    scraper: { state: 'stalled' },
    sync: { last_success_ms: 9, last_copied_ms: 0 },
  });
  assert.deepEqual([stalled.isStalled, stalled.lastCopiedMs], [true, 0]);
  assert.equal(parseStats({ as_of: 7 }).as_of, 7);
  assert.equal(parseStatus({}).isStarting, false);
  assert.throws(() => parseStatus({ scraper: 'running' }), BadAnswerError);
});
