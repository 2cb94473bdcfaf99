import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';

import { checkRange, isJobId, newJobId, readJob } from './job.ts';

describe('job ids', () => {
  it('are Mattermost ids: 26 characters of z-base-32', () => {
    assert.equal(
      newJobId(() => new Uint8Array(16)),
      'y'.repeat(26),
    );
    // Go: model.NewId's encoding of 16 bytes of 0xff.
    assert.equal(
      newJobId(() => new Uint8Array(16).fill(0xff)),
      `${'9'.repeat(25)}h`,
    );
    const ids = new Set(Array.from({ length: 1000 }, () => newJobId(randomBytes)));
    assert.equal(ids.size, 1000);
    for (const id of ids) assert.ok(isJobId(id), id);
    for (const bad of ['', 'a', 'a'.repeat(27), `${'a'.repeat(25)}/`, `${'a'.repeat(25)}é`]) {
      assert.ok(!isJobId(bad), bad);
    }
  });
});

describe('the range of a job', () => {
  for (const [min, max] of [
    [0, 0],
    [1, 8.64e15],
  ]) {
    it(`is ${min} to ${max}`, () => checkRange(min, max));
  }

  for (const [min, max] of [
    [2, 1],
    [-1, 1],
    [0.5, 1],
    [0, 8.64e15 + 1],
    [0, Infinity],
    [Number.NaN, 1],
  ]) {
    it(`is not ${min} to ${max}`, () => {
      assert.throws(() => checkRange(min, max), { code: 'ERR_JOB_RANGE' });
    });
  }
});

describe('a job as it is read', () => {
  it('has the six fields of the Go plugin, whatever is stored', () => {
    const id = 'a'.repeat(26);
    const names = ['id', 'status', 'create_at', 'min_t', 'max_t', 'dump_location'];
    for (const value of [undefined, null, 'x', 7, -1, true, [], {}]) {
      const entry = Object.fromEntries(names.map((name) => [name, value]));
      const job = readJob(id, entry);
      assert.ok(job !== undefined);
      assert.deepEqual([job.id, job.dump_location], [id, '']);
      assert.match(job.status, /^(pending|in_progress|success|error)$/);
      for (const time of [job.create_at, job.min_t, job.max_t]) assert.equal(typeof time, 'number');
    }
  });
});
