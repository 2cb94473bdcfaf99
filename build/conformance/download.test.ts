/** Downloads that take longer than the server lets an answer take. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { digestOf } from '../support/digest.ts';
import type { Digest } from '../support/digest.ts';
import { builtBundle, type HostFolders } from './bundle-folder.ts';
import { Exporter } from './exporter.ts';
import { goSkip } from './gob/skip.ts';
import { startHost } from './lifecycle.ts';
import { hostVersions, type HostVersion, type OfficialHost } from './official-host.ts';
import { PluginRoutes } from './plugin-routes.ts';
import type { Job } from './plugin-routes.ts';

const user = 'the-admin';
const WRITE_TIMEOUT_S = 2;
/** More than all buffers between the plugin and a client hold. */
const SIZE_BYTES = 48 * 1024 * 1024;
/** A connection that nobody closes is found dead by its client after two minutes. */
const limited = { timeout: 60_000 };
/** Three times as long as the server waits. */
const DOWNLOAD_SECONDS = 3 * WRITE_TIMEOUT_S;

function testDownloads(version: HostVersion): void {
  const bytes = randomBytes(SIZE_BYTES);
  let exporter: Exporter;
  let folders: HostFolders;
  let host: OfficialHost;
  let routes: PluginRoutes;
  let id = '';

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
    routes = new PluginRoutes(host, user);
    await routes.scraped();
    const job = await routes.makeDump();
    id = job.id;
    // A real dump of this size would take its time; what is in it does not matter here.
    writeFileSync(join(folders.workDir, 'data', job.dump_location), bytes);
  });

  after(async () => {
    await host?.stop();
    await exporter?.stop();
  });

  /** As the plugin knows it; the server keeps to that of its start. */
  const setWriteTimeout = async (seconds: number): Promise<void> => {
    const config = {
      ServiceSettings: { WriteTimeout: seconds },
      MetricsSettings: { Enable: true, ListenAddress: exporter.address },
    };
    const settings = { scrapeintervalseconds: 1, enablenodeexportertargets: false };
    await host.perform('set_config', { config, plugin_config: settings });
    // It reads the configuration in the background.
    await delay(1_000);
  };

  /** Reads as slowly as a bad line would bring it. */
  const readSlowly = (response: IncomingMessage): Promise<Digest> =>
    digestOf(response, SIZE_BYTES / DOWNLOAD_SECONDS);

  const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

  test('a slow client gets all of a dump, with its length and type', async () => {
    const response = await routes.download(id);
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-length'], String(SIZE_BYTES));
    assert.equal(response.headers['content-type'], 'application/gzip');
    assert.match(response.headers.etag ?? '', new RegExp(id));
    const received = await readSlowly(response);
    const { tookMs } = received;
    assert.ok(tookMs > WRITE_TIMEOUT_S * 1000, `it took ${tookMs} ms, which proves nothing`);
    assert.equal(received.bytes, SIZE_BYTES);
    assert.equal(received.sha256, digest(bytes));
  });

  test('a range is as slow and as whole', async () => {
    const start = 1_000_000;
    const response = await routes.download(id, { Range: `bytes=${start}-` });
    assert.equal(response.statusCode, 206);
    const received = await readSlowly(response);
    assert.equal(received.sha256, digest(bytes.subarray(start)));
  });

  test('the host would have cut it off: it does when the plugin believes that there is an hour', async () => {
    await setWriteTimeout(3_600);
    await assert.rejects(readSlowly(await routes.download(id)), /aborted/);
  });

  test('a client that goes away in the middle leaves the plugin well', async () => {
    const response = await routes.download(id);
    response.once('data', () => response.destroy());
    await new Promise((resolve) => response.once('close', resolve));
    const ranges = { Range: 'bytes=0-99' };
    const next = await readSlowly(await routes.download(id, ranges));
    assert.equal(next.sha256, digest(bytes.subarray(0, 100)));
    await routes.json<Job[]>('/jobs');
  });

  test('a deactivation ends a download that has taken the connection over', limited, async () => {
    await setWriteTimeout(WRITE_TIMEOUT_S);
    const response = await routes.download(id);
    response.pause();
    const ended = new Promise<void>((resolve) => {
      response.on('error', () => undefined).once('close', resolve);
    });
    await host.perform('deactivate');
    response.resume();
    await ended;
    assert.equal(response.complete, false);
  });

  test('the server has nothing to log about all of that', () => {
    // Its own words for a failed hook, and those of yamux for frames that come too late.
    const complaints = host.hostLog.filter((line) => /RPC call failed|yamux/.test(line));
    assert.deepEqual(complaints, []);
  });
}

for (const version of hostVersions) {
  describe(`downloads under server/public ${version}`, { skip: goSkip }, () => {
    testDownloads(version);
  });
}
