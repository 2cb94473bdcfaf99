// A download through the official host: our executable beside a Go plugin that does what the Go plugin
// 0.7.0 does. Both send the same file from the local file store.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';

import { builtBundle } from '../../conformance/bundle-folder.ts';
import type { HostFolders } from '../../conformance/bundle-folder.ts';
import { Exporter } from '../../conformance/exporter.ts';
import { OfficialHost } from '../../conformance/official-host.ts';
import { fillFile } from '../../e2e/throughput.ts';
import { goBuild } from '../../support/go.ts';
import { repositoryRoot } from '../../support/repository.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';

const HOST = 'v0.4.2';
const USER = 'the-admin';
const COPY_ID = 'copyplugin';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
  readonly dump_location: string;
}

/** One side, ready to be downloaded from as often as one likes. */
export interface Downloads {
  /** Seconds of one download. */
  run(): Promise<number>;
  stop(): Promise<void>;
}

async function start(folders: HostFolders, config: object): Promise<OfficialHost> {
  const options = {
    plugin_id: folders.pluginId,
    plugin_dir: folders.pluginDir,
    webapp_dir: folders.webappDir,
    admins: [USER],
    config,
    plugin_config: { scrapeintervalseconds: 1, enablenodeexportertargets: false },
  };
  const host = new OfficialHost(HOST, options, folders.workDir, { TMPDIR: folders.socketDir });
  await host.start();
  await host.perform('activate');
  return host;
}

/** Our executable, with a finished dump whose file is replaced by one of the wanted size. */
export async function ourDownloads(sizeBytes: number): Promise<Downloads> {
  const exporter = await Exporter.start();
  const folders = builtBundle();
  const metrics = { Enable: true, ListenAddress: exporter.address };
  const host = await start(folders, { MetricsSettings: metrics });
  const json = async <T>(path: string, init: RequestInit = {}): Promise<T> =>
    (await (await host.fetch(path, { ...init, user: USER })).json()) as T;
  await waitUntil('it scrapes', async () => {
    const { head } = await json<{ head?: { samples: number } }>('/status');
    return (head?.samples ?? 0) > 0;
  });
  const body = JSON.stringify({ min_t: Date.now() - 3_600_000, max_t: Date.now() });
  const { id } = await json<Job>('/jobs/create', { method: 'POST', body });
  const job = await waitUntil('the dump is finished', async () =>
    (await json<Job[]>('/jobs')).find((each) => each.id === id && each.status === 'success'),
  );
  fillFile(join(folders.workDir, 'data', job.dump_location), sizeBytes);
  return {
    run: () => download(host.url(`/jobs/download/${id}`), sizeBytes),
    stop: async () => {
      await host.stop();
      await exporter.stop();
    },
  };
}

export async function theirDownloads(sizeBytes: number): Promise<Downloads> {
  const program = goBuild({
    dir: join(repositoryRoot, 'build', 'conformance', `host-${HOST}`),
    name: 'copyplugin',
    package: './copyplugin',
  });
  const root = temporaryDir('bench-copyplugin');
  const folder = (name: string): string => {
    mkdirSync(join(root, name), { recursive: true });
    return join(root, name);
  };
  const executable = join(folder(`plugins/${COPY_ID}/server`), 'plugin');
  copyFileSync(program, executable);
  chmodSync(executable, 0o755);
  const manifest = { id: COPY_ID, version: '0.0.1', server: { executable: 'server/plugin' } };
  writeFileSync(join(root, 'plugins', COPY_ID, 'plugin.json'), JSON.stringify(manifest));
  const folders = {
    pluginId: COPY_ID,
    pluginDir: folder('plugins'),
    webappDir: folder('client'),
    socketDir: folder('tmp'),
    workDir: folder('work'),
  };
  fillFile(join(folders.workDir, 'download.bin'), sizeBytes);
  const host = await start(folders, {});
  return { run: () => download(host.url('/'), sizeBytes), stop: () => host.stop() };
}

/** Nothing of the answer is kept or looked at, but for its length. */
function download(url: string, sizeBytes: number): Promise<number> {
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers: { 'X-Conformance-User': USER } }, (response) => {
        let received = 0;
        response.on('data', (piece: Uint8Array) => (received += piece.length));
        response.on('error', reject);
        response.on('end', () => {
          if (received === sizeBytes) resolve((performance.now() - beganMs) / 1000);
          else
            reject(
              new Error(`${received} of ${sizeBytes} bytes came, status ${response.statusCode}`),
            );
        });
      })
      .on('error', reject);
  });
}
