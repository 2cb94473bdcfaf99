import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { JobMap } from './job-map.ts';

const GO_SUCCESS =
  '{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"success","create_at":5,"min_t":1,"max_t":2,' +
  '"dump_location":"plugin-data/mattermost-plugin-metrics/dump/aaaaaaaaaaaaaaaaaaaaaaaaaa/tsdb_dump.tar.gz"}';

describe('the stored job map', () => {
  const parse = (text: string): JobMap => JobMap.parse(new TextEncoder().encode(text));

  it('reads what the Go plugin wrote, and writes it back unchanged', () => {
    const text = `{"aaaaaaaaaaaaaaaaaaaaaaaaaa":${GO_SUCCESS}}`;
    const jobs = parse(text);
    assert.equal(jobs.get('aaaaaaaaaaaaaaaaaaaaaaaaaa')?.status, 'success');
    assert.equal(new TextDecoder().decode(jobs.encode()), text);
  });

  it('keeps fields and entries that it does not know', () => {
    const id = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
    const entry = { id, status: 'pending', future: { a: [1] } };
    const jobs = parse(JSON.stringify({ [id]: entry, odd: null }));
    jobs.set(id, { status: 'success', error: undefined });
    const stored = JSON.parse(new TextDecoder().decode(jobs.encode()));
    assert.deepEqual(stored, {
      [id]: { id, status: 'success', future: { a: [1] } },
      odd: null,
    });
    assert.equal(jobs.list().length, 1);
  });

  it('takes nothing, empty bytes and null as no jobs', () => {
    for (const bytes of [undefined, new Uint8Array(0), new TextEncoder().encode('null')]) {
      assert.equal(JobMap.parse(bytes).size, 0);
    }
  });

  for (const bad of ['{', '[]', '"x"', '7', '{"a":1}}', '\u0000', '{"a":"\\ud8"}']) {
    it(`refuses ${JSON.stringify(bad)} with a code`, () => {
      assert.throws(() => parse(bad), { code: 'ERR_JOBS_CORRUPT' });
    });
  }

  it('refuses a value that is too large to be ours', () => {
    assert.throws(() => JobMap.parse(new Uint8Array(2 * 1024 * 1024)), {
      code: 'ERR_JOBS_CORRUPT',
    });
  });
});
