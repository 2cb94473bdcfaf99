// The real executable in the stand-in host: what `make run` promises, without the browser.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';

import { withPrometheus } from '../e2e/prometheus.ts';
import { isAlive } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import type { DevHost } from './host.ts';
import {
  manifest,
  pluginJson,
  skipWithoutExecutable,
  skipWithoutPrometheus,
  startTestHost,
  type TestHost,
  unpack,
} from './test-support.ts';

interface Status {
  readonly targets: readonly { url: string; job: string; up: boolean; last_error: string }[];
  readonly head: { series: number; samples: number; min_t: number; max_t: number };
}

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
}

suite('the plugin in the stand-in host', { skip: skipWithoutExecutable }, () => {
  let running: TestHost;
  let host: DevHost;

  before(async () => {
    running = await startTestHost();
    ({ host } = running);
    assert.equal(host.supervisor.state, 'running', running.log.join('\n'));
    await waitUntil('samples are in the head', async () => {
      const { head } = await pluginJson<Status>(host, '/status');
      return head.samples > 20;
    });
  });
  after(() => running.host.close());

  test('all targets are up', async () => {
    const { targets } = await waitUntil('each was scraped', async () => {
      const status = await pluginJson<Status>(host, '/status');
      return status.targets.every(({ up, last_error }) => up || last_error !== '') && status;
    });
    assert.ok(targets.length >= 1);
    for (const { up, url, last_error } of targets) assert.ok(up, `${url}: ${last_error}`);
  });

  test(
    'a dump opens in Prometheus with the samples of the last minute',
    { skip: skipWithoutPrometheus },
    async () => {
      const nowMs = Date.now();
      const dir = unpack(await createAndDownload(host, nowMs - 3_600_000, nowMs));
      await withPrometheus(dir, async (prometheus) => {
        const { result } = await prometheus.instantQuery('process_resident_memory_bytes', nowMs);
        assert.ok(result.length >= 1);
        const up = await prometheus.instantQuery('time() - max(timestamp(up)) < 60', nowMs);
        assert.equal(up.result.length, 1, 'up has a sample of the last minute');
      });
    },
  );

  test('the slash command answers with a link', async () => {
    const response = await fetch(`${host.url}/api/v4/commands/execute`, {
      method: 'POST',
      body: JSON.stringify({ command: '/metrics dump' }),
    });
    const { text } = (await response.json()) as { text: string };
    assert.match(text, new RegExp(`${host.url}/plugins/${manifest.id}/jobs/download/`));
  });

  test('a setting that makes no sense is refused and not kept, another one is used', async () => {
    const before = await configOf(host);
    const refused = await patchSettings(host, { scrapeintervalseconds: 0 });
    assert.equal(refused.status, 400);
    assert.match(((await refused.json()) as { message: string }).message, /scrape interval/i);
    assert.deepEqual(await configOf(host), before);
    assert.equal((await patchSettings(host, { scrapeintervalseconds: 2 })).status, 200);
  });

  test('a killed plugin is started again, with all that it had stored', async () => {
    const { head } = await pluginJson<Status>(host, '/status');
    const { pid } = host.supervisor;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await waitUntil('another process runs', () => {
      const now = host.supervisor.pid;
      return now !== undefined && now !== pid && host.supervisor.state === 'running';
    });
    const again = await waitUntil('its head is there', async () => {
      const status = await pluginJson<Status>(host, '/status');
      return status.head.samples >= head.samples && status;
    });
    assert.equal(again.head.min_t, head.min_t);
  });

  test('disabled it answers nothing, enabled it goes on', async () => {
    await setEnabled(host, false);
    const response = await fetch(`${host.url}/plugins/${manifest.id}/status`);
    assert.equal(response.status, 404);
    await setEnabled(host, true);
    await waitUntil('its samples are there', async () => {
      const { head } = await pluginJson<Status>(host, '/status');
      return head.samples > 20;
    });
  });

  test('a stopped host leaves no process, and its data is there at the next start', async () => {
    const second = await startTestHost();
    await waitUntil('samples are in the head', async () => {
      return (await pluginJson<Status>(second.host, '/status')).head.samples > 0;
    });
    const { head } = await pluginJson<Status>(second.host, '/status');
    const { pid } = second.host.supervisor;
    await second.host.close();
    assert.ok(pid !== undefined && !isAlive(pid));
    assert.ok(readdirSync(second.stateDir).includes('mattermost-plugin-metrics'));

    const third = await startTestHost({ stateDir: second.stateDir });
    try {
      await waitUntil('its samples are there', async () => {
        const status = await pluginJson<Status>(third.host, '/status');
        return status.head.samples >= head.samples;
      });
    } finally {
      await third.host.close();
    }
  });
});

async function createAndDownload(host: DevHost, minMs: number, maxMs: number): Promise<Uint8Array> {
  const { id } = await pluginJson<Job>(host, '/jobs/create', {
    method: 'POST',
    body: JSON.stringify({ min_t: minMs, max_t: maxMs }),
  });
  await waitUntil(
    'the dump is finished',
    async () => {
      const job = (await pluginJson<Job[]>(host, '/jobs')).find((each) => each.id === id);
      assert.notEqual(job?.status, 'error', job?.error);
      return job?.status === 'success';
    },
    30_000,
  );
  const response = await fetch(`${host.url}/plugins/${manifest.id}/jobs/download/${id}`);
  assert.equal(response.status, 200);
  return response.bytes();
}

function patchConfig(host: DevHost, patch: unknown): Promise<Response> {
  return fetch(`${host.url}/api/v4/config/patch`, { method: 'PUT', body: JSON.stringify(patch) });
}

function patchSettings(host: DevHost, settings: Record<string, unknown>): Promise<Response> {
  return patchConfig(host, { PluginSettings: { Plugins: { [manifest.id]: settings } } });
}

async function setEnabled(host: DevHost, enabled: boolean): Promise<void> {
  const PluginStates = { [manifest.id]: { Enable: enabled } };
  const response = await patchConfig(host, { PluginSettings: { PluginStates } });
  assert.equal(response.status, 200, await response.text());
}

async function configOf(host: DevHost): Promise<unknown> {
  return (await fetch(`${host.url}/api/v4/config`)).json();
}
