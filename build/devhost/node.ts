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
import { type DiskFault, DiskTrouble } from './disk-trouble.ts';
import type { Documents } from './documents.ts';
import { NodeLink } from './node-link.ts';
import type { Database, Store } from './store.ts';
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
  readonly database: Database;
  readonly documents: Documents;
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

interface NodeParts {
  readonly page: Server;
  readonly url: string;
  readonly exporter: Exporter;
  readonly metrics: HostMetrics;
  readonly link: NodeLink;
  readonly store: Store;
}

const databaseFaults = {
  cut: 'cut off from the database',
  silent: 'the database does not answer',
  slow: 'the database is slow',
} as const;

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
  readonly link: NodeLink;
  readonly disk = new DiskTrouble();
  /** Its connection to the database that all share. */
  readonly store: Store;
  readonly #config: NodeConfig;
  readonly #page: Server;
  readonly #exporter: Exporter;
  readonly #pings: NodeJS.Timeout | undefined;
  /** Whether the plugin's process stands still. */
  isPaused = false;

  private constructor(options: DevNodeOptions, parts: NodeParts) {
    const { page, url, exporter, metrics, link, store } = parts;
    const { manifest, hostname, documents, consoleDir, workDir, log, allPlugins, nodes } = options;
    this.#page = page;
    this.#exporter = exporter;
    this.link = link;
    this.store = store;
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
        documents,
        config,
        link,
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
    this.#pings = setInterval(() => void this.#ping(), pingMs);
  }

  /** Starts all but the plugin. */
  static async start(options: DevNodeOptions): Promise<DevNode> {
    await mkdir(options.workDir, { recursive: true });
    const { manifest, hostname, address, metricsPort, otherPlugins } = options;
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
    const link = new NodeLink();
    const store = await options.database.connect(link);
    const node = new DevNode(options, { page, url, exporter, metrics, link, store });
    started.node = node;
    if (hostname !== '') await store.pingNode(hostname);
    return node;
  }

  /** Starts the plugin, when the configuration says so. */
  async startPlugin(): Promise<void> {
    await this.supervisor.setEnabled(this.#config.pluginEnabled);
  }

  get faults(): readonly string[] {
    return [
      ...(this.isPaused ? ['the plugin is stopped'] : []),
      ...(this.link.database === 'well' ? [] : [databaseFaults[this.link.database]]),
      ...(this.disk.fault === undefined ? [] : [`its disk is ${this.disk.fault}`]),
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
        this.link.database = 'cut';
        return;
      case 'silence database':
        this.link.database = 'silent';
        return;
      case 'slow database':
        this.link.database = 'slow';
        return;
      case 'mend database':
        this.link.database = 'well';
        return;
      case 'slow disk':
        return this.#breakDisk('slow');
      case 'fill disk':
        return this.#breakDisk('full');
      case 'mend disk':
        return this.disk.end();
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
    await this.disk.end();
    await this.supervisor.close();
    this.link.database = 'well';
    await this.store.removeNode(this.name);
    await this.store.close();
    await closeServer(this.#page);
    await this.#exporter.close();
  }

  /** A server that cannot reach the database tries again a minute later. */
  async #ping(): Promise<void> {
    await this.store.pingNode(this.name).catch(() => undefined);
  }

  async #breakDisk(fault: DiskFault): Promise<void> {
    const { pid } = this.supervisor;
    if (pid === undefined) throw new Error('the plugin is not running');
    await this.disk.begin(pid, fault);
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
