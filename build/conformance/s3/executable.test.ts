/** The real executable under the official host, with its files in S3. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { memoryOf } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait.ts';
import { builtBundle } from '../bundle-folder.ts';
import { Exporter } from '../exporter.ts';
import { goSkip } from '../gob/skip.ts';
import { runningPlugin, startHost } from '../lifecycle.ts';
import { hostVersions } from '../official-host.ts';
import type { HostVersion, OfficialHost } from '../official-host.ts';
import { PluginRoutes } from '../plugin-routes.ts';
import type { Status } from '../plugin-routes.ts';
import { ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

const user = 'the-admin';
const settings = { scrapeintervalseconds: 1, enablenodeexportertargets: false };

function testWithS3(version: HostVersion): void {
  let exporter: Exporter;
  let server: S3Server;
  let host: OfficialHost;
  let routes: PluginRoutes;

  /** As an administrator leaves it: with SSL off and the region empty, both of which gob leaves out. */
  const config = (more: object = {}): object => ({
    MetricsSettings: { Enable: true, ListenAddress: exporter.address },
    FileSettings: {
      DriverName: 'amazons3',
      AmazonS3AccessKeyId: ACCESS_KEY_ID,
      AmazonS3SecretAccessKey: SECRET_ACCESS_KEY,
      AmazonS3Bucket: BUCKET,
      AmazonS3PathPrefix: 'mattermost',
      AmazonS3Region: '',
      AmazonS3Endpoint: server.endpoint,
      AmazonS3SSL: false,
      ...more,
    },
  });

  before(async () => {
    exporter = await Exporter.start();
    server = await startS3Server();
    host = await startHost(version, builtBundle(), {
      admins: [user],
      licensed: true,
      config: config(),
      plugin_config: settings,
    });
    routes = new PluginRoutes(host, user);
    await host.perform('activate');
  });

  after(async () => {
    await host?.stop();
    await server?.stop();
    await exporter?.stop();
  });

  test('a dump is kept in the bucket and downloaded, whole and in part', async () => {
    await routes.scraped();
    const job = await routes.makeDump();
    assert.ok(existsSync(join(server.dir, 'mattermost', job.dump_location)));
    const whole = await routes.fetch(`/jobs/download/${job.id}`);
    const bytes = Buffer.from(await whole.arrayBuffer());
    assert.match(gunzipSync(bytes).toString('latin1'), /metadata\.yaml/);
    const headers = { Range: 'bytes=10-' };
    const part = await routes.fetch(`/jobs/download/${job.id}`, { headers });
    assert.equal(part.status, 206);
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10)));
    const rss = memoryOf(runningPlugin(host)).rssBytes / 2 ** 20;
    console.log(`# ${version}: RSS with the client of S3 ${rss.toFixed(1)} MiB`);
  });

  test('a bucket that does not exist is named, and nothing secret is', async () => {
    const changed = config({ AmazonS3Bucket: 'no-such-bucket' });
    await host.perform('set_config', { config: changed, plugin_config: settings });
    const { message } = await waitUntil(
      'the warning',
      async () => {
        const { warnings } = await routes.json<Status>('/status');
        return warnings.find(({ code }) => code === 'file_store_unavailable');
      },
      45_000,
    );
    assert.match(message, /S3 bucket no-such-bucket at 127\.0\.0\.1.*the bucket does not exist/s);
    const everything = JSON.stringify([host.logs, host.hostLog, message]);
    assert.ok(!everything.includes(SECRET_ACCESS_KEY));
  });
}

for (const version of hostVersions) {
  describe(`the executable under server/public ${version}, with amazons3`, { skip: goSkip }, () => {
    testWithS3(version);
  });
}
