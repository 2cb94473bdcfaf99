import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { FakeHost } from '../../../test/support/fake-host.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { DumpMaker } from './dump-maker.ts';
import { GoSchedule } from './go-schedule.ts';
import { JobRecovery } from './job-recovery.ts';
import { JobRemoval } from './job-removal.ts';
import { JobStore } from './job-store.ts';
import { ProgressRows } from './progress-rows.ts';

test('remains of old dumps that cannot be removed keep nobody from a look at the jobs', async () => {
  const { kv } = new FakeHost({}, {});
  const [clock, logger] = [new FakeClock(), silentLogger];
  const store = new JobStore(kv, clock, { run: (work) => work() });
  const dumps: DumpMaker = {
    make: () => Promise.reject(new Error('nobody asked for it')),
    remove: () => Promise.resolve(),
    removeLeftovers: () =>
      Promise.reject(new CodedError('ERR_FILESTORE_HANGING', 'the disk does not answer')),
  };
  const options = {
    store,
    dumps,
    logger,
    clock,
    owner: () => 'host-1',
    isCluster: () => false,
    removeWrecks: () => Promise.resolve(true),
  };
  const schedule = new GoSchedule(store, clock, logger);
  const removal = new JobRemoval(options);
  const recovery = new JobRecovery(options, new ProgressRows(kv), schedule, removal);
  assert.equal(await recovery.look(), false);
});
