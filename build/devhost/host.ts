import { createServer } from 'node:http';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type { Post } from '../../server/src/protocol/mattermost/model/post.ts';
import { developmentPluginDir, executablePath, machineArch, readManifest } from '../manifest.ts';
import { ConfigStore } from './config.ts';
import { bundleConsole } from './console.ts';
import { type Answer, closeServer, HostMetrics, listen, startExporter } from './exporter.ts';
import { startNodeExporter } from './node-exporter.ts';
import { Store } from './store.ts';
import { Supervisor } from './supervisor.ts';
import { administratorId, Web } from './web.ts';

export interface DevHostOptions {
  /** Folder of the database, the file store and what the plugin writes; made when missing. */
  readonly stateDir: string;
  /** Port of the page; 0 for a free one. */
  readonly port: number;
  readonly healthCheckMs: number;
  readonly scrapeIntervalSeconds: number;
  /** Another program than the executable in dist/plugin. */
  readonly executable?: string;
  /** Plugins that seem to run beside it: what they show as metrics, by id. */
  readonly otherPlugins?: Readonly<Record<string, string>>;
  readonly log: (level: string, message: string, fields: readonly string[]) => void;
}

/** A running stand-in host. */
export interface DevHost {
  readonly url: string;
  readonly supervisor: Supervisor;
  /** Whether node_exporter was found, and runs. */
  readonly hasNodeExporter: boolean;
  close(): Promise<void>;
}

/**
 * Starts everything and then the plugin. A plugin that fails to start does not end the host: the page
 * shows why.
 */
export async function startDevHost(options: DevHostOptions): Promise<DevHost> {
  const manifest = readManifest();
  const { stateDir, log } = options;
  const consoleDir = path.join(stateDir, 'console');
  await mkdir(stateDir, { recursive: true });
  await bundleConsole(consoleDir);
  const metrics = new HostMetrics();
  const exporter = await startExporter(
    metrics,
    pluginMetrics(options.otherPlugins).set(metricsPath(manifest.id), (request, response) => {
      // As the server does it: with the prefix cut off, nothing is left of the path.
      return supervisor.serveMetrics(request, response, '');
    }),
  );
  const nodeExporter = await startNodeExporter();
  const store = new Store(path.join(stateDir, 'host.sqlite'));

  const page = createServer();
  const url = `http://127.0.0.1:${await listen(page, options.port)}`;
  const config = new ConfigStore(store, {
    pluginId: manifest.id,
    siteUrl: url,
    fileStoreDir: path.join(stateDir, 'files'),
    metricsPort: exporter.port,
    pluginSettings: { scrapeintervalseconds: options.scrapeIntervalSeconds },
    pluginPlaces: {
      enablenodeexportertargets: nodeExporter !== undefined,
      ...(nodeExporter === undefined ? {} : { nodeexporterport: nodeExporter.port }),
    },
  });
  const pluginDir = developmentPluginDir(manifest);
  const supervisor = new Supervisor({
    executable: options.executable ?? path.join(pluginDir, executablePath(manifest, machineArch())),
    workDir: stateDir,
    healthCheckMs: options.healthCheckMs,
    onRestart: () => metrics.pluginRestarts++,
    api: {
      manifest,
      pluginDir,
      store,
      config,
      administratorId,
      log,
      onPost: (post: Post) => log('post', post.Message, []),
      otherPlugins: new Set(Object.keys(options.otherPlugins ?? {})),
      commands: new Map(),
    },
  });
  const web = new Web({ manifest, config, plugin: supervisor, metrics, consoleDir });
  page.on('request', (request, response) => void web.handle(request, response));
  await supervisor.setEnabled(config.pluginEnabled).catch((error: unknown) => {
    log('error', `the plugin did not start: ${String(error)}`, []);
  });
  return {
    url,
    supervisor,
    hasNodeExporter: nodeExporter !== undefined,
    close: async () => {
      await supervisor.close();
      await closeServer(page);
      await nodeExporter?.close();
      await exporter.close();
      store.close();
    },
  };
}

function metricsPath(pluginId: string): string {
  return `/plugins/${pluginId}/metrics`;
}

/** Answers with fixed texts, by path. */
function pluginMetrics(texts: Readonly<Record<string, string>> = {}): Map<string, Answer> {
  const answers = Object.entries(texts).map(([id, text]): [string, Answer] => [
    metricsPath(id),
    (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
      return Promise.resolve();
    },
  ]);
  return new Map(answers);
}
