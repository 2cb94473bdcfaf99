import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';

import { checkRange, isJobId, newJobId } from './job.ts';

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
