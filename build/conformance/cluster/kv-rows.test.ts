/**
 * What ours has written, read by Go: the rows of the key-value store with pluginapi/cluster of the very
 * version that the Go plugin was built with and with its job struct, the HTTP API's JSON, and the
 * metadata of a dump.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import type { DevHost } from '../../devhost/host.ts';
import type { DevNode } from '../../devhost/node.ts';
import { pluginJson, startTestHost, unpack } from '../../devhost/test-support.ts';
import { goBuild } from '../../support/go.ts';
import { run } from '../../support/processes.ts';
import { pluginId } from '../../support/repository.ts';
import { waitUntil } from '../../support/wait.ts';
import { goSkip } from '../gob/skip.ts';

const HOUR_MS = 3_600_000;
const KEYS_MAX = 1_000;

/** The fields that the Go plugin has, and some of ours. */
interface Job {
  id: string;
  status: string;
  create_at: number;
  min_t: number;
  max_t: number;
  dump_location: string;
  error?: string;
}

interface Understood {
  stored_jobs: Record<string, Job>;
  listed_jobs: Job[];
  stats: { min_t: number; max_t: number; num_samples: number; num_series: number };
  scheduled_jobs: number;
  scraper_locked: boolean;
  job_locked: boolean;
  scraper_free: boolean;
  lock_value: string;
  own_lock_value: string;
  metadata: { ServerVersion: string; ServerID: string; Type: string; GeneratedAt: number };
  metadata_range: { min: number; max: number; plugin_id: string; plugin_version: string };
  complaints: string[] | null;
}

describe('what ours has written, as Go reads it', { skip: goSkip }, () => {
  let host: DevHost;
  let node: DevNode;
  let dumps: Record<'success' | 'zip' | 'empty' | 'cancelled', Job>;
  let stats: Understood['stats'];
  let understood: Understood;

  const post = <T>(route: string, body?: object): Promise<T> =>
    pluginJson<T>(node, route, { method: 'POST', body: JSON.stringify(body ?? {}) });
  const jobs = (): Promise<Job[]> => pluginJson<Job[]>(node, '/jobs');

  async function ended(id: string): Promise<Job> {
    return waitUntil(
      `job ${id} has ended`,
      async () =>
        (await jobs()).find((job) => job.id === id && ['success', 'error'].includes(job.status)),
      60_000,
    );
  }

  async function dump(min_t: number, max_t: number, format = 'tar.gz'): Promise<Job> {
    return ended((await post<Job>('/jobs/create', { min_t, max_t, format })).id);
  }

  /** One that waits behind others, so that there is time to cancel it. */
  async function cancelled(nowMs: number): Promise<Job> {
    const range = { min_t: nowMs - HOUR_MS, max_t: nowMs };
    const made = await Promise.all(
      Array.from({ length: 10 }, () => post<Job>('/jobs/create', range)),
    );
    const newest = (await jobs()).find(({ status }) => status === 'pending');
    assert.ok(newest, 'no job waits');
    const url = `${node.url}/plugins/${pluginId}/jobs/cancel/${newest.id}`;
    const response = await fetch(url, { method: 'POST' });
    assert.equal(response.status, 200, await response.text());
    for (const { id } of made) await ended(id);
    return ended(newest.id);
  }

  function readByGo(input: object): Understood {
    const dir = join(import.meta.dirname, 'go-node');
    const program = goBuild({ dir, name: 'go-reader', package: './reader' });
    return JSON.parse(run(program, [], { input: JSON.stringify(input) })) as Understood;
  }

  before(async () => {
    ({ host } = await startTestHost({ nodeCount: 2 }));
    node = await waitUntil(
      'one node scrapes',
      async () => {
        for (const each of host.nodes) {
          const status = await pluginJson<{ scraper: { state: string }; head?: object }>(
            each,
            '/status',
          );
          if (status.scraper.state === 'running' && status.head !== undefined) return each;
        }
        return undefined;
      },
      30_000,
    );
    const nowMs = Date.now();
    await waitUntil('there are samples', async () => {
      const { head } = await pluginJson<{ head?: { samples: number } }>(node, '/status');
      return (head?.samples ?? 0) > 0;
    });
    dumps = {
      success: await dump(nowMs - HOUR_MS, Date.now()),
      zip: await dump(nowMs - HOUR_MS, Date.now(), 'zip'),
      empty: await dump(1, 2),
      cancelled: await cancelled(Date.now()),
    };
    const url = `${node.url}/plugins/${pluginId}/jobs/download/${dumps.success.id}`;
    const archive = await fetch(url);
    const dir = unpack(new Uint8Array(await archive.arrayBuffer()));
    stats = await pluginJson<Understood['stats']>(node, '/tsdb/stats');
    const rows: Record<string, string> = {};
    for (const key of await host.store.kvList(0, KEYS_MAX)) {
      rows[key] = Buffer.from((await host.store.kvGet(key)) ?? []).toString('base64');
    }
    understood = readByGo({
      rows,
      jobs: await jobs(),
      stats,
      metadata: readFileSync(join(dir, 'metadata.yaml'), 'utf8'),
    });
  });
  after(() => host?.close());

  test('the list of jobs has each job with what the Go plugin shows of it', async () => {
    const listed = await jobs();
    assert.deepEqual(listed.map(({ id }) => id).sort(), Object.keys(understood.stored_jobs).sort());
    for (const job of listed) {
      const { id, status, create_at, min_t, max_t, dump_location } = job;
      const known = { id, status, create_at, min_t, max_t, dump_location };
      assert.deepEqual(understood.stored_jobs[id], known);
      assert.deepEqual(
        understood.listed_jobs.find((each) => each.id === id),
        known,
      );
    }
    const { success, zip, empty, cancelled: ended } = dumps;
    assert.deepEqual(
      [success, zip, empty, ended].map(({ status }) => status),
      ['success', 'success', 'error', 'error'],
    );
    assert.match(success.dump_location, /\/dump\/[a-z0-9]{26}\/tsdb_dump\.tar\.gz$/);
    assert.match(zip.dump_location, /\.zip$/);
    assert.match(empty.error ?? '', /no samples between 1970/);
    assert.equal(ended.error, 'This dump was cancelled.');
  });

  test('the statistics are the same, and when the file store was asked is passed over', () => {
    const { as_of: asOfMs, ...known } = stats as Understood['stats'] & { as_of: number };
    assert.ok(asOfMs > 0);
    assert.deepEqual(understood.stats, known);
  });

  test('no row of ours is a job that a Go node would run', () => {
    assert.equal(understood.scheduled_jobs, 0);
    assert.equal(understood.complaints, null);
  });

  test('a Go node does not get the lock that ours holds, and does when it is gone', () => {
    assert.deepEqual(
      [understood.scraper_locked, understood.job_locked, understood.scraper_free],
      [true, false, true],
    );
    assert.equal(understood.own_lock_value, understood.lock_value, 'another value than Go writes');
  });

  test('metadata.yaml is that of a packet, for the range that was asked for', () => {
    const { metadata, metadata_range: range } = understood;
    assert.deepEqual([metadata.Type, metadata.ServerVersion], ['plugin-packet', '11.8.0']);
    assert.match(metadata.ServerID, /^[a-z0-9]{26}$/);
    assert.ok(Math.abs(metadata.GeneratedAt - dumps.success.create_at) < 60_000);
    assert.ok(range.max - range.min > HOUR_MS - 1, JSON.stringify(range));
    assert.equal(range.plugin_id, pluginId);
  });
});
