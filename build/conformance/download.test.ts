/** Downloads that take longer than the server lets an answer take. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { waitUntil } from '../support/wait.ts';
import { builtBundle, type HostFolders } from './bundle-folder.ts';
import { Exporter } from './exporter.ts';
import { goSkip } from './gob/skip.ts';
import { startHost } from './lifecycle.ts';
import { hostVersions, type HostVersion, type OfficialHost } from './official-host.ts';

const user = 'the-admin';
const WRITE_TIMEOUT_S = 2;
/** More than all buffers between the plugin and a client hold. */
const SIZE_BYTES = 48 * 1024 * 1024;
/** Three times as long as the server waits. */
const DOWNLOAD_MS = 3 * WRITE_TIMEOUT_S * 1000;

interface Job {
  id: string;
  status: string;
  error?: string;
  dump_location: string;
}

function testDownloads(version: HostVersion): void {
  const bytes = randomBytes(SIZE_BYTES);
  let exporter: Exporter;
  let folders: HostFolders;
  let host: OfficialHost;
  let id = '';

  const json = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const response = await host.fetch(path, { ...init, user });
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    return JSON.parse(text) as T;
  };

  before(async () => {
    exporter = await Exporter.start();
    folders = builtBundle();
    host = await startHost(version, folders, {
      admins: [user],
      config: {
        ServiceSettings: { WriteTimeout: WRITE_TIMEOUT_S },
        MetricsSettings: { Enable: true, ListenAddress: exporter.address },
      },
      plugin_config: { scrapeintervalseconds: 1, enablenodeexportertargets: false },
    });
    await host.perform('activate');
    await waitUntil('it scrapes', async () => {
      const { head } = await json<{ head?: { samples: number } }>('/status');
      return (head?.samples ?? 0) > 0;
    });
    const range = { min_t: Date.now() - 3_600_000, max_t: Date.now() };
    ({ id } = await json<Job>('/jobs/create', { method: 'POST', body: JSON.stringify(range) }));
    const job = await waitUntil('the dump is finished', async () => {
      const found = (await json<Job[]>('/jobs')).find((each) => each.id === id);
      return (found?.status === 'success' || found?.status === 'error') && found;
    });
    assert.equal(job.status, 'success', job.error);
    // A real dump of this size would take its time; what is in it does not matter here.
    writeFileSync(join(folders.workDir, 'data', job.dump_location), bytes);
  });

  after(async () => {
    await host?.stop();
    await exporter?.stop();
  });

  const request = (headers: Record<string, string> = {}): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const all = { 'X-Conformance-User': user, ...headers };
      http.get(host.url(`/jobs/download/${id}`), { headers: all }, resolve).on('error', reject);
    });

  /** Reads as slowly as a bad line would bring it. */
  async function readSlowly(response: IncomingMessage): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let received = 0;
    const beganMs = performance.now();
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece);
      received += piece.length;
      const aheadMs = (received / SIZE_BYTES) * DOWNLOAD_MS - (performance.now() - beganMs);
      if (aheadMs > 20) await delay(aheadMs);
    }
    return Buffer.concat(pieces);
  }

  const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

  test('a slow client gets all of a dump, with its length and type', async () => {
    const response = await request();
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-length'], String(SIZE_BYTES));
    assert.equal(response.headers['content-type'], 'application/gzip');
    assert.match(response.headers.etag ?? '', new RegExp(id));
    const beganMs = performance.now();
    const received = await readSlowly(response);
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs > WRITE_TIMEOUT_S * 1000, `it took ${tookMs} ms, which proves nothing`);
    assert.equal(received.length, SIZE_BYTES);
    assert.equal(digest(received), digest(bytes));
  });

  test('a range is as slow and as whole', async () => {
    const start = 1_000_000;
    const response = await request({ Range: `bytes=${start}-` });
    assert.equal(response.statusCode, 206);
    const received = await readSlowly(response);
    assert.equal(digest(received), digest(bytes.subarray(start)));
  });

  test('the host would have cut it off: it does when the plugin believes that there is no limit', async () => {
    const config = {
      ServiceSettings: { WriteTimeout: 0 },
      MetricsSettings: { Enable: true, ListenAddress: exporter.address },
    };
    const settings = { scrapeintervalseconds: 1, enablenodeexportertargets: false };
    await host.perform('set_config', { config, plugin_config: settings });
    // It reads the configuration in the background.
    await delay(1_000);
    await assert.rejects(readSlowly(await request()), /aborted/);
  });

  test('a client that goes away in the middle leaves the plugin well', async () => {
    const response = await request();
    response.once('data', () => response.destroy());
    await new Promise((resolve) => response.once('close', resolve));
    const ranges = { Range: 'bytes=0-99' };
    const next = await readSlowly(await request(ranges));
    assert.equal(digest(next), digest(bytes.subarray(0, 100)));
    await json<Job[]>('/jobs');
  });
}

for (const version of hostVersions) {
  describe(`downloads under server/public ${version}`, { skip: goSkip }, () => {
    testDownloads(version);
  });
}
