// The stand-in host against the probe plugin, which also runs under the official Go host: what the
// probe sees must be the same in both.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';

import { isAlive } from '../support/processes.ts';
import { temporaryDir } from '../support/temporary.ts';
import { waitUntil } from '../support/wait.ts';
import type { DevHost } from './host.ts';
import { manifest, startTestHost, type TestHost } from './test-support.ts';

suite('the stand-in host with the probe plugin', () => {
  let running: TestHost;
  let host: DevHost;
  const ask = (route: string, init?: RequestInit): Promise<Response> =>
    fetch(`${host.url}/plugins/${manifest.id}${route}`, init);

  before(async () => {
    running = await startTestHost({ executable: probeProgram() });
    ({ host } = running);
    assert.equal(host.supervisor.state, 'running', running.log.join('\n'));
  });
  after(() => running.host.close());

  test('a request arrives with method, address, user and body', async () => {
    const headers = { 'Mattermost-User-Id': 'somebody-else' };
    const response = await ask('/request?a=b%20c', { method: 'POST', body: 'hello', headers });
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('X-Probe'), 'yes');
    assert.deepEqual(await response.json(), {
      method: 'POST',
      url: '/request?a=b%20c',
      user: 'administrator0000000000000',
      host: new URL(host.url).host,
      body: 'hello',
    });
  });

  test('20 MB go in and come out', async () => {
    const body = new Uint8Array(20_000_000).map((_, index) => index % 251);
    const response = await ask('/echo', { method: 'POST', body });
    assert.ok(Buffer.from(body).equals(await response.bytes()));
  });

  test('a route that fails is answered with 500', async () => {
    const response = await ask('/fails');
    assert.equal(response.status, 500);
    assert.match(await response.text(), /fails on purpose/);
  });

  test('a client that goes away is noticed', async () => {
    const gone = new AbortController();
    const response = await ask('/forever', { signal: gone.signal });
    await response.body?.getReader().read();
    gone.abort();
    await waitUntil('the plugin says so', () =>
      running.log.some((line) => line.startsWith('info: client went away')),
    );
  });

  test('keys are kept with the conditions of the server', async () => {
    assert.deepEqual(await (await ask('/kv')).json(), {
      absent: null,
      inserted: true,
      insertedAgain: false,
      stored: 'one',
      swappedWrongly: false,
      swapped: true,
      listed: ['probe'],
      deletedWrongly: false,
      deleted: true,
      gone: null,
    });
  });

  test('rows come from the database, a wrong statement is an error', async () => {
    const query = async (sql: string, args: string[]): Promise<unknown> =>
      (await ask('/rows', { method: 'POST', body: JSON.stringify({ sql, args }) })).json();
    assert.deepEqual(await query('SELECT $2 AS b, $1 AS a', ['x', 'y']), {
      columns: ['b', 'a'],
      rows: [['y', 'x']],
    });
    assert.match(JSON.stringify(await query('SELECT nonsense', [])), /nonsense/);
  });

  test('a command is executed, an unknown one is named', async () => {
    const execute = async (command: string): Promise<unknown> => {
      const body = JSON.stringify({ command });
      const route = `${host.url}/api/v4/commands/execute`;
      return (await fetch(route, { method: 'POST', body })).json();
    };
    assert.deepEqual(await execute('/probe a b'), { text: 'you said /probe a b' });
    assert.deepEqual(await execute('/other'), { text: 'There is no command /other.' });
  });

  test('a refused configuration is not kept, another one reaches the plugin', async () => {
    const patch = (settings: Record<string, unknown>): Promise<Response> => {
      const PluginSettings = { Plugins: { [manifest.id]: settings } };
      const body = JSON.stringify({ PluginSettings });
      return fetch(`${host.url}/api/v4/config/patch`, { method: 'PUT', body });
    };
    const refused = await patch({ refuse: 'no thanks' });
    assert.equal(refused.status, 400);
    assert.deepEqual(await refused.json(), { message: 'no thanks' });
    assert.equal((await patch({ Wanted: 7 })).status, 200);
    const { settings } = (await (await ask('/facts')).json()) as { settings: unknown };
    assert.deepEqual(settings, {
      stats: null,
      dumps: null,
      dbpath: 'mattermost-plugin-metrics/data',
      callsoffloaderhosts: '',
      extratargets: '',
      targetcredentials: '',
      targetca: '',
      wanted: 7,
      ...pluginSettingsOf(await (await fetch(`${host.url}/api/v4/config`)).json()),
    });
  });

  test('a killed plugin is started again, and a closed host leaves no process', async () => {
    const other = await startTestHost({ executable: probeProgram() });
    const { supervisor } = other.host;
    const first = supervisor.pid ?? 0;
    process.kill(first, 'SIGKILL');
    const second = await waitUntil('another process runs', () => {
      return supervisor.pid !== first && supervisor.pid;
    });
    await other.host.close();
    assert.equal(isAlive(second), false);
    assert.ok(other.log.includes('info: probe deactivated '));
  });
});

/** A program without arguments, as the host starts it. */
function probeProgram(): string {
  const file = path.join(temporaryDir('probe'), 'plugin');
  const main = path.join(import.meta.dirname, '..', 'conformance', 'probe-main.ts');
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${main}'\n`);
  chmodSync(file, 0o755);
  return file;
}

/** The settings that the host itself put there, by lower-case key. */
function pluginSettingsOf(config: unknown): Record<string, unknown> {
  const { PluginSettings } = config as {
    PluginSettings: { Plugins: Record<string, Record<string, unknown>> };
  };
  const settings = Object.entries(PluginSettings.Plugins[manifest.id] ?? {});
  return Object.fromEntries(settings.map(([key, value]) => [key.toLowerCase(), value]));
}
