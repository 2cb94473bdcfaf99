// What the plugin scrapes beside the server, and what it tells about itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { after, before, suite, test } from 'node:test';

import { missingTools, tools } from '../support/tools.ts';
import { waitUntil } from '../support/wait.ts';
import { closeServer, listen } from './exporter.ts';
import type { DevHost } from './host.ts';
import { manifest, pluginJson, skipWithoutExecutable, startTestHost } from './test-support.ts';

interface Target {
  readonly url: string;
  readonly job: string;
  readonly instance: string;
  readonly up: boolean;
  readonly last_error: string;
}

interface Status {
  readonly targets: readonly Target[];
  readonly warnings: readonly { code: string; message: string }[];
  readonly process: Record<string, number>;
}

const callsId = 'com.mattermost.calls';
const missingPromtool = missingTools([tools.promtool]);
const skipWithoutPromtool =
  missingPromtool.length > 0 && process.env.CI !== 'true' ? missingPromtool.join('; ') : false;

suite('the plugin, Calls and RTCD', { skip: skipWithoutExecutable }, () => {
  let host: DevHost;
  let rtcd: Server;
  let rtcdPort: number;

  before(async () => {
    rtcd = createServer((request, response) => {
      response.statusCode = request.url === '/metrics' ? 200 : 404;
      response.setHeader('Content-Type', 'text/plain; version=0.0.4');
      response.end('rtcd_sessions 2\n');
    });
    rtcdPort = await listen(rtcd);
    const otherPlugins = { [callsId]: 'mattermost_plugin_calls_sessions 3\n' };
    ({ host } = await startTestHost({ otherPlugins }));
  });
  after(async () => {
    await host.close();
    await closeServer(rtcd);
  });

  /** The target with this job and path, once it is up. */
  const whenUp = (job: string, end: string): Promise<Target> =>
    waitUntil(`${job} is up`, async () => {
      const { targets } = await pluginJson<Status>(host, '/status');
      const found = targets.find((target) => target.job === job && target.url.endsWith(end));
      if (found?.up !== true) throw new Error(JSON.stringify(targets));
      return found;
    });

  const patch = (Plugins: Record<string, unknown>): Promise<Response> =>
    fetch(`${host.url}/api/v4/config/patch`, {
      method: 'PUT',
      body: JSON.stringify({ PluginSettings: { Plugins } }),
    });

  test('our own metrics and those of Calls are targets without being named', async () => {
    const { targets } = await pluginJson<Status>(host, '/status');
    const { instance } = await whenUp('prometheus', '/metrics');
    const own = await whenUp('mattermost-plugin-metrics', `/plugins/${manifest.id}/metrics`);
    const calls = await whenUp('calls', `/plugins/${callsId}/metrics`);
    assert.deepEqual([own.instance, calls.instance], [instance, instance], JSON.stringify(targets));
  });

  test('RTCD is found by its name, without a restart, and goes with its setting', async () => {
    const rtcdserviceurl = `http://id:key@localhost:${rtcdPort}`;
    assert.equal((await patch({ [callsId]: { rtcdserviceurl } })).status, 200);
    const { instance, url } = await whenUp('calls', `:${rtcdPort}/metrics`);
    assert.deepEqual(
      [instance, url],
      [`127.0.0.1:${rtcdPort}`, `http://127.0.0.1:${rtcdPort}/metrics`],
    );
    assert.equal((await patch({ [callsId]: { rtcdserviceurl: 'nonsense' } })).status, 200);
    await waitUntil('it is gone, with a warning', async () => {
      const { targets, warnings } = await pluginJson<Status>(host, '/status');
      return (
        targets.every((target) => target.instance !== instance) &&
        warnings.some(({ code }) => code === 'rtcd_unresolved')
      );
    });
    assert.equal((await patch({ [callsId]: { rtcdserviceurl: '' } })).status, 200);
    await waitUntil('the warning is gone', async () => {
      return (await pluginJson<Status>(host, '/status')).warnings.length === 0;
    });
  });

  test('extra targets are checked when they are saved, and scraped', async () => {
    const save = (extratargets: string): Promise<Response> =>
      patch({ [manifest.id]: { extratargets } });
    const refused = await save('localhost:1 nothing');
    assert.equal(refused.status, 400);
    assert.match(((await refused.json()) as { message: string }).message, /a URL such as/);
    const line = `http://localhost:${rtcdPort}/metrics extra env="a b" instance=mine`;
    assert.equal((await save(line)).status, 200);
    assert.equal((await whenUp('extra', '/metrics')).instance, 'mine');
  });

  test('the status tells about the process', async () => {
    const { process: figures } = await pluginJson<Status>(host, '/status');
    const { rss_bytes, uptime_ms, event_loop_delay_p999_ms } = figures;
    assert.ok(rss_bytes > 20e6 && rss_bytes < 1e9, JSON.stringify(figures));
    assert.ok(uptime_ms > 100 && uptime_ms < 600_000, JSON.stringify(figures));
    assert.ok(event_loop_delay_p999_ms >= 0 && event_loop_delay_p999_ms < 10_000);
  });

  test('promtool accepts what we tell', { skip: skipWithoutPromtool }, async () => {
    const { url } = await whenUp('mattermost-plugin-metrics', '/metrics');
    const response = await fetch(url);
    assert.equal(response.headers.get('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.match(text, /^mattermost_plugin_metrics_targets\{job="calls",health="up"\} 1$/m);
    assert.match(text, /^mattermost_plugin_metrics_wal_fsyncs_total [1-9]/m);
  });
});
