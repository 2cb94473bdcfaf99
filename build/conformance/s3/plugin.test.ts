// The plugin with its files in S3: blocks are stored, a dump is made and downloaded in ranges.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { after, before, describe, it } from 'node:test';

import type { MetricsPlugin } from '../../../server/src/plugin/metrics-plugin.ts';
import { ask, askJson, until } from '../../../server/test/support/ask.ts';
import { FakeHost } from '../../../server/test/support/fake-host.ts';
import { dumpLastHour, startRealPlugin } from '../../../server/test/support/real-plugin.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { goSkip } from '../gob/skip.ts';
import { fileSettings, startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

interface Status {
  warnings: { code: string; message: string; action?: string }[];
  head?: { samples: number };
}

/** The plugin looks after a store that failed every 30 s. */
const RECOVERY_MS = 60_000;

describe('the plugin with amazons3', { skip: goSkip }, () => {
  const base = temporaryDir('s3-plugin');
  const exporter = http.createServer((_, response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    response.end('# TYPE x gauge\nx 1\n');
  });
  let server: S3Server;
  let host: FakeHost;
  let plugin: MetricsPlugin;

  before(async () => {
    server = await startS3Server();
    await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
    const { port } = exporter.address() as AddressInfo;
    host = new FakeHost(
      {
        siteUrl: '',
        writeTimeoutSeconds: 300,
        rtcdServiceUrl: '',
        isCluster: false,
        metricsEnabled: true,
        metricsListenAddress: `127.0.0.1:${port}`,
        fileDriver: 'amazons3',
        fileDirectory: '',
        s3: fileSettings(server.endpoint, { signV2: true }),
      },
      { dbpath: join(base, 'tsdb'), scrapeintervalseconds: 1, enablenodeexportertargets: false },
    );
    plugin = startRealPlugin(host);
    await until('scraped', async () => ((await status()).head?.samples ?? 0) > 0);
  });

  after(async () => {
    await plugin.stop();
    await server.stop();
    exporter.close();
    exporter.closeAllConnections();
  });

  const status = (): Promise<Status> => askJson<Status>(plugin.api, 'GET', '/status');

  function change(s3: ReturnType<typeof fileSettings>): void {
    host.config = { ...host.config, s3 };
    plugin.reconfigure();
  }

  it('refuses signatures of version 2 with a reason, in the panel and in a job', async () => {
    await until('warned', async () => (await status()).warnings.length > 0);
    const [warning] = (await status()).warnings;
    assert.equal(warning?.code, 'file_store_unsupported');
    assert.match(warning.message, /AmazonS3SignV2 is on/);
    const job = await dumpLastHour(plugin);
    assert.equal(job.status, 'error');
    assert.match(job.error ?? '', /AmazonS3SignV2 is on/);
  });

  it('takes a changed setting at once, and says that the store is out of reach', async () => {
    change(fileSettings('127.0.0.1:1'));
    await until('warned', async () => {
      const { warnings } = await status();
      return warnings.some(({ code }) => code === 'file_store_unavailable');
    });
    const { warnings, head } = await status();
    assert.match(JSON.stringify(warnings), /S3 bucket metrics-files at 127\.0\.0\.1:1/);
    assert.match(JSON.stringify(warnings), /nobody answers at the endpoint/);
    const samples = head?.samples ?? 0;
    await until('scraping goes on', async () => ((await status()).head?.samples ?? 0) > samples);
  });

  it('makes a dump in the bucket, which is downloaded whole and in ranges', async () => {
    change(fileSettings(server.endpoint, { pathPrefix: 'mattermost' }));
    await until('no warning', async () => (await status()).warnings.length === 0, RECOVERY_MS);
    const job = await dumpLastHour(plugin);
    assert.equal(job.status, 'success', job.error);
    const stored = join(server.dir, 'mattermost', job.dump_location);
    assert.ok(existsSync(stored), stored);
    const whole = await ask(plugin.api, 'GET', `/jobs/download/${job.id}`);
    assert.equal(whole.status, 200);
    assert.equal(whole.body.length, job.size_bytes);
    assert.match(gunzipSync(whole.body).toString('latin1'), /metadata\.yaml/);
    const range = { Range: `bytes=100-${whole.body.length - 1}` };
    const rest = await ask(plugin.api, 'GET', `/jobs/download/${job.id}`, undefined, range);
    assert.equal(rest.status, 206);
    assert.ok(rest.body.equals(whole.body.subarray(100)));
    const removed = await ask(plugin.api, 'DELETE', `/jobs/delete/${job.id}`);
    assert.equal(removed.status, 200);
    assert.equal(existsSync(stored), false, 'the dump of a deleted job is still there');
  });

  it('brings the head to the bucket when it stops', async () => {
    await plugin.stop();
    const blocks = join(server.dir, 'mattermost/plugin-data/mattermost-plugin-metrics/data');
    const [block = ''] = readdirSync(blocks);
    assert.deepEqual(readdirSync(join(blocks, block)).sort(), [
      'chunks',
      'index',
      'meta.json',
      'tombstones',
    ]);
  });
});
