// The plugin on the real disk, network and clock, without a host around it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import type { Clock } from '../../src/base/clock.ts';
import type { Fs } from '../../src/base/ports/fs.ts';
import { ThreadedPacker } from '../../src/platform/archive/archive-packer.ts';
import { archiveTasks } from '../../src/platform/archive/deflate-task.ts';
import { diskFs } from '../../src/platform/disk-fs.ts';
import { NodeHttpClient } from '../../src/platform/http-client.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { MetricsPlugin } from '../../src/plugin/metrics-plugin.ts';
import type { DumpJob } from '../../src/services/jobs/job.ts';
import { Db, tsdbTasks } from '../../src/tsdb/index.ts';
import { askJson, until } from './ask.ts';
import type { FakeHost } from './fake-host.ts';
import { FakeProcessStats } from './fake-process-stats.ts';
import { inlineTasks } from './inline-tasks.ts';

const HOUR_MS = 3_600_000;

/** Starts it; whoever asks for it stops it. */
export function startRealPlugin(
  host: FakeHost,
  clock: Clock = systemClock,
  makeStoreFs: () => Fs = () => diskFs,
): MetricsPlugin {
  const tasks = inlineTasks([...tsdbTasks(diskFs), ...archiveTasks()]);
  const plugin = new MetricsPlugin(
    host,
    {
      fs: diskFs,
      makeStoreFs,
      clock,
      http: new NodeHttpClient(),
      resolver: { resolve: async () => [] },
      process: new FakeProcessStats(),
      packer: new ThreadedPacker(tasks),
      tasks,
      randomBytes,
      hostname: 'test',
      openDb: (dir, logger) => Db.open({ fs: diskFs, dir, clock, logger, tasks }),
    },
    { id: 'com.mattermost.mattermost-plugin-metrics', version: '0.8.0' },
  );
  plugin.start();
  return plugin;
}

/** The job once it has succeeded or failed. */
export async function endedJob(
  plugin: MetricsPlugin,
  id: string,
  withinMs?: number,
): Promise<DumpJob> {
  let job: DumpJob | undefined;
  await until(
    `job ${id} ends`,
    async () => {
      const jobs = await askJson<DumpJob[]>(plugin.api, 'GET', '/jobs');
      job = jobs.find((each) => each.id === id);
      return job?.status === 'success' || job?.status === 'error';
    },
    withinMs,
  );
  assert.ok(job !== undefined);
  return job;
}

/** A job for the last hour, once it has ended. */
export async function dumpLastHour(plugin: MetricsPlugin): Promise<DumpJob> {
  const nowMs = Date.now();
  const range = { min_t: nowMs - HOUR_MS, max_t: nowMs };
  const { id } = await askJson<DumpJob>(plugin.api, 'POST', '/jobs/create', range);
  return endedJob(plugin, id);
}
