import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { isAlive } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import type { HostFolders } from './bundle-folder.ts';
import { OfficialHost, type HostOptions, type HostVersion } from './official-host.ts';

/** A host over these folders, started, with the plugin not yet active. */
export async function startHost(
  version: HostVersion,
  folders: HostFolders,
  more: Partial<HostOptions> = {},
): Promise<OfficialHost> {
  const options = {
    plugin_id: folders.pluginId,
    plugin_dir: folders.pluginDir,
    webapp_dir: folders.webappDir,
    ...more,
  };
  const host = new OfficialHost(version, options, folders.workDir, { TMPDIR: folders.socketDir });
  await host.start();
  return host;
}

/** Process id of the plugin, which must run. */
export function runningPlugin(host: OfficialHost): number {
  const pid = host.pluginPid();
  assert.ok(pid, 'the plugin runs');
  return pid;
}

/** Waits until the process and its socket are gone. */
export async function leftNothing(pid: number, folders: HostFolders): Promise<void> {
  await waitUntil('the plugin has ended', () => !isAlive(pid)).catch((error: unknown) => {
    process.kill(pid, 'SIGKILL');
    throw error;
  });
  await waitUntil('the socket is gone', () => {
    const left = readdirSync(folders.socketDir);
    if (left.length > 0) throw new Error(left.join(' '));
    return true;
  });
}

/**
 * What the host demands of any plugin: to go when told, when the host dies, and to be replaced when
 * it dies itself.
 *
 * @param works asks the active plugin for something that only a working one answers
 */
export function testLifecycle(
  version: HostVersion,
  bundle: () => HostFolders,
  works: (host: OfficialHost) => Promise<void>,
  options: Partial<HostOptions> = {},
): void {
  void test('deactivate ends process and socket within 2 s, and it can be activated again', async () => {
    const folders = bundle();
    const host = await startHost(version, folders, options);
    for (let turn = 0; turn < 2; turn++) {
      await host.perform('activate');
      const pid = runningPlugin(host);
      await works(host);
      const { ms } = await host.perform('deactivate');
      assert.ok(ms < 2_000, `deactivated within 2 s, not ${ms} ms`);
      await leftNothing(pid, folders);
      assert.ok(!host.hostLog.some((line) => line.includes('failed to exit gracefully')));
    }
    await host.stop();
  });

  void test('a stopped host leaves no process and no socket', async () => {
    const folders = bundle();
    const host = await startHost(version, folders, options);
    await host.perform('activate');
    const pid = runningPlugin(host);
    await host.stop();
    await leftNothing(pid, folders);
  });

  void test('a killed host leaves no process and no socket', async () => {
    const folders = bundle();
    const host = await startHost(version, folders, options);
    await host.perform('activate');
    const pid = runningPlugin(host);
    await works(host);
    await host.kill();
    await leftNothing(pid, folders);
  });

  void test('a killed plugin is restarted by the health check', async () => {
    const folders = bundle();
    const host = await startHost(version, folders, options);
    await host.perform('activate');
    const killed = runningPlugin(host);
    process.kill(killed, 'SIGKILL');
    await waitUntil('it is dead', () => !isAlive(killed));
    await assert.rejects(host.perform('ping'));
    await host.perform('check_health');
    await host.perform('ping');
    assert.notEqual(runningPlugin(host), killed);
    await works(host);
    await host.stop();
  });
}
