import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { dumpPathOf } from '../../filestore/layout.ts';
import { DETAILS_KEY } from './job-details.ts';
import { JOB_MAP_KEY } from './job-map.ts';
import { JobStore } from './job-store.ts';
import type { DumpJob } from './job.ts';
import type { JobKeyValueStore } from './key-value-store.ts';

const A = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbbbbbbbbbbbb';

function setUp(list?: string) {
  const values = new Map<string, string>();
  if (list !== undefined) values.set(JOB_MAP_KEY, list);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  let readsOnly = false;
  const kv: JobKeyValueStore = {
    get: async (key) => {
      const value = values.get(key);
      return value === undefined ? undefined : new TextEncoder().encode(value);
    },
    compareAndSet: async (key, old, next) => {
      if (readsOnly) throw new Error('the database takes no writes');
      if (values.get(key) !== (old === undefined ? undefined : text(old))) return false;
      values.set(key, text(next));
      return true;
    },
    createFor: async () => true,
    setFor: async () => undefined,
    delete: async (key) => void values.delete(key),
    keys: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
  const told: (readonly string[])[] = [];
  const lock = { run: <T>(work: () => Promise<T>): Promise<T> => work() };
  const store = new JobStore(kv, new FakeClock(), lock, (keys) => told.push(keys));
  return {
    values,
    store,
    told,
    failWrites: () => (readsOnly = true),
    aside: () => [...values].filter(([key]) => key.startsWith('jobs_set_aside_')).map(([, v]) => v),
    create: (job: DumpJob) =>
      store.change((jobs) => {
        jobs.set(job.id, job);
        return true;
      }),
  };
}

function jobOf(id: string, more: Partial<DumpJob> = {}): DumpJob {
  return { id, status: 'pending', create_at: 1, min_t: 1, max_t: 2, dump_location: '', ...more };
}

function parsed(text = ''): Record<string, Record<string, unknown>> {
  return JSON.parse(text);
}

/** What a Go node makes of the list: its own six fields. */
function rewriteAsGo(values: Map<string, string>): void {
  const jobs: Record<string, Record<string, unknown>> = JSON.parse(values.get(JOB_MAP_KEY) ?? '{}');
  const rewritten = Object.entries(jobs).map(([id, job]) => {
    const { status, create_at, min_t, max_t, dump_location } = job;
    return [id, { id, status, create_at, min_t, max_t, dump_location }];
  });
  values.set(JOB_MAP_KEY, JSON.stringify(Object.fromEntries(rewritten)));
}

describe('a damaged list of jobs', () => {
  const damaged = [
    '{',
    'garbage',
    '[]',
    '"x"',
    '7',
    '{"a":1}}',
    '\0\0\0',
    `{"a":"${'x'.repeat(2 ** 20)}"}`,
  ];
  for (const list of damaged) {
    it(`is set aside, and a new one begins: ${JSON.stringify(list).slice(0, 20)}`, async () => {
      const { store, aside, told, create } = setUp(list);
      assert.deepEqual(await store.list(), []);
      assert.deepEqual(aside(), [list]);
      assert.equal(told.at(-1)?.length, 1);
      await create(jobOf(A));
      assert.deepEqual(
        (await store.list()).map(({ id }) => id),
        [A],
      );
      assert.deepEqual(aside(), [list]);
    });
  }

  it('is set aside by whoever changes it first, and told of again after a restart', async () => {
    const { store, aside, told, create } = setUp('garbage');
    await create(jobOf(A));
    assert.deepEqual(aside(), ['garbage']);
    await store.setAside.announce();
    assert.equal(told.length, 2);
    await store.setAside.discardAll();
    assert.deepEqual([aside(), told.at(-1)], [[], []]);
  });

  it('is kept each time', async () => {
    const { values, store, aside } = setUp('one');
    await store.list();
    values.set(JOB_MAP_KEY, 'two');
    await store.list();
    assert.deepEqual(aside(), ['one', 'two']);
  });

  it('stays where it is while it cannot be set aside', async () => {
    const { values, store, failWrites } = setUp('garbage');
    failWrites();
    await assert.rejects(store.list(), { code: 'ERR_JOBS_CORRUPT' });
    assert.equal(values.get(JOB_MAP_KEY), 'garbage');
  });

  it('loses only the entries that are none', async () => {
    const good = { [A]: jobOf(A), [B]: {} };
    const bad = { x: jobOf('x'), '../../y': jobOf(B), '': {}, odd: null, [A.toUpperCase()]: 7 };
    const { store, aside, values, told } = setUp(JSON.stringify({ ...bad, ...good }));
    assert.deepEqual((await store.list()).map(({ id }) => id).sort(), [A, B]);
    assert.deepEqual(
      aside().map((text) => JSON.parse(text)),
      [bad],
    );
    assert.deepEqual(Object.keys(parsed(values.get(JOB_MAP_KEY))).sort(), [A, B]);
    assert.equal(told.length, 1);
    await store.change((jobs) => jobs.delete(B));
    assert.deepEqual(
      (await store.list()).map(({ id }) => id),
      [A],
    );
  });

  it('shows the jobs that it has while its other entries cannot be set aside', async () => {
    const { store, failWrites } = setUp(JSON.stringify({ x: {}, [A]: jobOf(A) }));
    failWrites();
    assert.deepEqual(
      (await store.list()).map(({ id }) => id),
      [A],
    );
  });
});

describe('a list of jobs that a Go node has rewritten', () => {
  const location = dumpPathOf(A, 'tar.gz');
  const finished = jobOf(A, {
    status: 'success',
    dump_location: location,
    size_bytes: 77,
    num_samples: 5,
    num_series: 2,
    error: 'Something is missing.',
    attempts: 1,
  });

  it('has what is known of our jobs, and gets it back with the next change', async () => {
    const { values, store, create } = setUp();
    await create(finished);
    await create(jobOf(B, { format: 'zip' }));
    rewriteAsGo(values);
    assert.deepEqual(await store.get(A), finished);
    assert.equal((await store.get(B))?.format, 'zip');
    await store.change((jobs) => jobs.delete(B));
    assert.equal(parsed(values.get(JOB_MAP_KEY))[A].size_bytes, 77);
    assert.deepEqual(Object.keys(parsed(values.get(DETAILS_KEY))), [A]);
    rewriteAsGo(values);
    assert.deepEqual(await store.list(), [finished]);
  });

  it('has nothing of an earlier state of a job', async () => {
    const { values, store, create } = setUp();
    await create(jobOf(A, { status: 'in_progress', owner: 'host', attempts: 1 }));
    rewriteAsGo(values);
    assert.equal((await store.get(A))?.owner, 'host');
    values.set(JOB_MAP_KEY, JSON.stringify({ [A]: jobOf(A, { status: 'error' }) }));
    assert.deepEqual(await store.get(A), jobOf(A, { status: 'error' }));
  });

  it('goes on with a removal that was begun', async () => {
    const { values, store, create } = setUp();
    await create(jobOf(A, { status: 'error', deleting: true }));
    rewriteAsGo(values);
    assert.equal((await store.get(A))?.deleting, true);
  });

  for (const damage of ['{', '[]', '7', '', `{"${A}":null}`, `{"${A}":[1]}`]) {
    it(`does without the details where those are damaged: ${JSON.stringify(damage)}`, async () => {
      const { values, store, create } = setUp();
      await create(finished);
      rewriteAsGo(values);
      values.set(DETAILS_KEY, damage);
      assert.equal((await store.get(A))?.size_bytes, undefined);
      await create({ ...finished, size_bytes: 78 });
      rewriteAsGo(values);
      assert.equal((await store.get(A))?.size_bytes, 78);
    });
  }
});

describe('the location of a dump', () => {
  for (const location of [dumpPathOf(A, 'tar.gz'), dumpPathOf(A, 'zip')]) {
    it(`is that of the Go plugin or of a zip: ${location}`, async () => {
      const { store } = setUp(JSON.stringify({ [A]: jobOf(A, { dump_location: location }) }));
      assert.equal((await store.get(A))?.dump_location, location);
    });
  }

  const own = `plugin-data/mattermost-plugin-metrics/dump/${A}`;
  const foreign = [
    '20240101/teams/noteam/channels/c/users/u/f/secret.pdf',
    dumpPathOf(B, 'tar.gz'),
    `/${dumpPathOf(A, 'tar.gz')}`,
    `./${dumpPathOf(A, 'tar.gz')}`,
    `${own}/../../data/x/index`,
    `${own}/../${B}/tsdb_dump.tar.gz`,
    `${own}/head/x/index`,
    `${own}/other`,
    own,
    '/etc/passwd',
    '..',
  ];
  for (const location of foreign) {
    it(`is not another place of the file store: ${location}`, async () => {
      const entry = jobOf(A, { status: 'success', dump_location: location });
      const { values, store } = setUp(JSON.stringify({ [A]: entry }));
      const job = await store.get(A);
      assert.equal(job?.dump_location, '');
      assert.match(job?.error ?? '', /not in its folder, and not handed out/);
      // What is stored stays as it is.
      assert.ok(values.get(JOB_MAP_KEY)?.includes(location));
    });
  }
});
