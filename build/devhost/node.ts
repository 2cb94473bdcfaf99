// One server of the stand-in cluster: its page, its exporter, its plugin, and what can go wrong there.
import { createServer, type Server } from 'node:http';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type { PluginClusterEvent } from '../../server/src/protocol/mattermost/model/server.ts';
import type { Post } from '../../server/src/protocol/mattermost/model/post.ts';
import { developmentPluginDir, executablePath, machineArch, type Manifest } from '../manifest.ts';
import { type ConfigStore, type Config, NodeConfig } from './config.ts';
import {
  type Answer,
  closeServer,
  type Exporter,
  HostMetrics,
  listen,
  startExporter,
} from './exporter.ts';
import { NodeLink } from './node-link.ts';
import type { Store } from './store.ts';
import { Supervisor } from './supervisor.ts';
import { administratorId, Web } from './web.ts';

/** A Mattermost server says so once a minute. */
const pingMs = 60_000;

export interface DevNodeOptions {
  readonly manifest: Manifest;
  /** As the others know it: an address of the loopback network, or '' when it is alone. */
  readonly hostname: string;
  /** Where it listens. */
  readonly address: string;
  /** Folder that the plugin takes relative paths from. */
  readonly workDir: string;
  /** Port of the page; 0 for a free one. */
  readonly port: number;
  /** Port of the exporter, the same on all nodes; 0 for a free one. */
  readonly metricsPort: number;
  readonly healthCheckMs: number;
  readonly executable?: string | undefined;
  readonly otherPlugins: Readonly<Record<string, string>>;
  readonly store: Store;
  readonly config: ConfigStore;
  readonly fileStoreDir: string;
  readonly consoleDir: string;
  /** Settings of the plugin that depend on this run. */
  readonly pluginPlaces: Config;
  readonly log: (level: string, message: string, fields: readonly string[]) => void;
  readonly publish: (event: PluginClusterEvent) => void;
  readonly allPlugins: () => readonly Supervisor[];
  readonly nodes: NodeControls;
}

/** All nodes, for the page of each. */
export interface NodeControls {
  list(): readonly { name: string; url: string; state: string; faults: readonly string[] }[];
  perform(node: string, action: string): Promise<void>;
}

/** A running node. */
export class DevNode {
  readonly name: string;
  readonly url: string;
  readonly metricsPort: number;
  readonly supervisor: Supervisor;
  readonly link = new NodeLink();
  readonly #options: DevNodeOptions;
  readonly #config: NodeConfig;
  readonly #page: Server;
  readonly #exporter: Exporter;
  readonly #pings: NodeJS.Timeout | undefined;
  /** Whether the plugin's process stands still. */
  isPaused = false;

  private constructor(
    options: DevNodeOptions,
    parts: { page: Server; url: string; exporter: Exporter; metrics: HostMetrics },
  ) {
    const { page, url, exporter, metrics } = parts;
    const { manifest, hostname, store, consoleDir, workDir, log, allPlugins, nodes } = options;
    this.#options = options;
    this.#page = page;
    this.#exporter = exporter;
    this.name = hostname;
    this.url = url;
    this.metricsPort = exporter.port;
    this.#config = new NodeConfig(options.config, {
      siteUrl: url,
      fileStoreDir: options.fileStoreDir,
      metricsAddress: hostname === '' ? `:${exporter.port}` : `${hostname}:${exporter.port}`,
      hostname,
      plugin: options.pluginPlaces,
    });
    const config = this.#config;
    const pluginDir = developmentPluginDir(manifest);
    const program = path.join(pluginDir, executablePath(manifest, machineArch()));
    this.supervisor = new Supervisor({
      executable: options.executable ?? program,
      workDir,
      healthCheckMs: options.healthCheckMs,
      onRestart: () => metrics.pluginRestarts++,
      api: {
        manifest,
        pluginDir,
        store,
        config,
        link: this.link,
        administratorId,
        log,
        onPost: (post: Post) => log('post', post.Message, []),
        otherPlugins: new Set(Object.keys(options.otherPlugins)),
        publish: options.publish,
        commands: new Map(),
      },
    });
    const plugin = this.supervisor;
    const web = new Web({ manifest, config, plugin, metrics, consoleDir, allPlugins, nodes });
    page.on('request', (request, response) => void web.handle(request, response));
    if (hostname === '') return;
    store.pingNode(hostname);
    this.#pings = setInterval(() => store.pingNode(hostname), pingMs);
  }

  /** Starts all but the plugin. */
  static async start(options: DevNodeOptions): Promise<DevNode> {
    await mkdir(options.workDir, { recursive: true });
    const { manifest, address, metricsPort, otherPlugins } = options;
    const started: { node?: DevNode } = {};
    const answers = pluginMetrics(otherPlugins).set(
      metricsPath(manifest.id),
      async (request, response) => {
        // As the server does it: with the prefix cut off, nothing is left of the path.
        await started.node?.supervisor.serveMetrics(request, response, '');
      },
    );
    const metrics = new HostMetrics();
    const exporter = await startExporter(metrics, answers, address, metricsPort);
    const page = createServer();
    const port = await listen(page, options.port, address);
    const url = `http://${address}:${port}`;
    const node = new DevNode(options, { page, url, exporter, metrics });
    started.node = node;
    return node;
  }

  /** Starts the plugin, when the configuration says so. */
  async startPlugin(): Promise<void> {
    await this.supervisor.setEnabled(this.#config.pluginEnabled);
  }

  get faults(): readonly string[] {
    return [
      ...(this.isPaused ? ['the plugin is stopped'] : []),
      ...(this.link.isDatabaseCut ? ['cut off from the database'] : []),
      ...(this.link.areEventsCut ? ['cut off from the other nodes'] : []),
    ];
  }

  /** Breaks or mends something. */
  async perform(action: string): Promise<void> {
    switch (action) {
      case 'kill':
        this.isPaused = false;
        return this.supervisor.kill();
      case 'start':
        return this.supervisor.setEnabled(true);
      case 'stop':
        this.#setPaused(false);
        return this.supervisor.setEnabled(false);
      case 'pause':
        return this.#setPaused(true);
      case 'resume':
        return this.#setPaused(false);
      case 'cut database':
      case 'mend database':
        this.link.isDatabaseCut = action === 'cut database';
        return;
      case 'cut events':
      case 'mend events':
        this.link.areEventsCut = action === 'cut events';
        return;
      default:
        throw new Error(`unknown action ${action}`);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.#setPaused(false);
    await this.supervisor.close();
    this.#options.store.removeNode(this.name);
    await closeServer(this.#page);
    await this.#exporter.close();
  }

  #setPaused(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (isPaused) this.supervisor.pause();
    else this.supervisor.resume();
  }
}

function metricsPath(pluginId: string): string {
  return `/plugins/${pluginId}/metrics`;
}

/** Answers with fixed texts, by path. */
function pluginMetrics(texts: Readonly<Record<string, string>>): Map<string, Answer> {
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
