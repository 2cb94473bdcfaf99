import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { JOB_MAP_KEY } from './job-map.ts';
import { JobService } from './job-service.ts';
import { JobStore } from './job-store.ts';
import type { JobKeyValueStore } from './key-value-store.ts';
import { newJobId } from './job.ts';

test('a dump is refused while the list is full, since one that is too large counts as damaged', async () => {
  const rows = new Map<string, Uint8Array>();
  const set = async (key: string, value: Uint8Array): Promise<void> => void rows.set(key, value);
  const kv: JobKeyValueStore = {
    get: async (key) => rows.get(key),
    compareAndSet: async (key, _, next) => (await set(key, next), true),
    createFor: async (key, value) => (await set(key, value), true),
    setFor: set,
    delete: async (key) => void rows.delete(key),
    keys: async (prefix) => [...rows.keys()].filter((key) => key.startsWith(prefix)),
  };
  const clock = new FakeClock();
  const service = new JobService({
    store: new JobStore(kv, clock, { run: (work) => work() }),
    dumps: {
      make: () => Promise.reject(new Error('not here')),
      remove: async () => undefined,
      removeLeftovers: async () => undefined,
    },
    logger: silentLogger,
    clock,
    newId: () => newJobId((count) => new Uint8Array(count)),
    owner: () => 'here',
    isCluster: () => false,
    removeWrecks: async () => true,
  });
  const ids = Array.from({ length: 280 }, (_, i) => String(i).padStart(26, 'a'));
  const all = ids.map((id) => [id, { id, status: 'error', error: 'x'.repeat(900) }] as const);
  const store = (jobs: typeof all): void =>
    void rows.set(JOB_MAP_KEY, new TextEncoder().encode(JSON.stringify(Object.fromEntries(jobs))));
  store(all);
  await assert.rejects(service.create(1, 2), { code: 'ERR_JOBS_FULL' });
  assert.equal((await service.list()).length, ids.length);
  store(all.slice(40));
  assert.equal((await service.create(1, 2)).status, 'pending');
});
