import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { readManifest } from '../manifest.ts';
import { ConfigStore } from './config.ts';
import { bundleConsole } from './console.ts';
import { Documents } from './documents.ts';
import { DevNode, type DevNodeOptions, type NodeControls } from './node.ts';
import { startNodeExporter } from './node-exporter.ts';
import { SqliteDatabase } from './sqlite-store.ts';
import type { Database, Store } from './store.ts';
import type { Supervisor } from './supervisor.ts';

export interface DevHostOptions {
  /** Folder of the database, the file store and what the plugin writes; made when missing. */
  readonly stateDir: string;
  /** Port of the page, of the first node when there are several; 0 for a free one. */
  readonly port: number;
  /** How many servers there are; they form a cluster when it is more than one. Default 1. */
  readonly nodeCount?: number;
  /** Third part of the addresses of a cluster's nodes, 127.0.x.1 and so on. Default 1. */
  readonly network?: number;
  /** What all nodes share; a SQLite file in `stateDir` unless given, and closed with the host. */
  readonly database?: Database;
  readonly healthCheckMs: number;
  readonly scrapeIntervalSeconds: number;
  /** Another program than the executable in dist/plugin. */
  readonly executable?: string;
  /** Another one on the first node alone. */
  readonly firstExecutable?: string;
  /** Plugins that seem to run beside it: what they show as metrics, by id. */
  readonly otherPlugins?: Readonly<Record<string, string>>;
  readonly log: (level: string, message: string, fields: readonly string[]) => void;
}

/** A running stand-in host; `url` and `supervisor` are those of its first node. */
export interface DevHost {
  readonly url: string;
  readonly supervisor: Supervisor;
  readonly nodes: readonly DevNode[];
  /** The first node's connection to the database. */
  readonly store: Store;
  /** Whether node_exporter was found, and runs. */
  readonly hasNodeExporter: boolean;
  /** Fine to call twice. */
  close(): Promise<void>;
}

/**
 * Starts everything and then the plugin. A plugin that fails to start does not end the host: the page
 * shows why.
 */
export async function startDevHost(options: DevHostOptions): Promise<DevHost> {
  const { stateDir, log, nodeCount = 1 } = options;
  await mkdir(stateDir, { recursive: true });
  const consoleDir = path.join(stateDir, 'console');
  await bundleConsole(consoleDir);
  const manifest = readManifest();
  const nodeExporter = nodeCount === 1 ? await startNodeExporter() : undefined;
  const { database = new SqliteDatabase(path.join(stateDir, 'host.sqlite')) } = options;
  const documents = new Documents(path.join(stateDir, 'documents'));
  const config = new ConfigStore(documents, {
    pluginId: manifest.id,
    isCluster: nodeCount > 1,
    pluginSettings: { scrapeintervalseconds: options.scrapeIntervalSeconds },
  });
  const nodes: DevNode[] = [];
  const shared = {
    manifest,
    database,
    documents,
    config,
    consoleDir,
    healthCheckMs: options.healthCheckMs,
    otherPlugins: options.otherPlugins ?? {},
    fileStoreDir: path.join(stateDir, 'files'),
    pluginPlaces: {
      enablenodeexportertargets: nodeExporter !== undefined,
      ...(nodeExporter === undefined ? {} : { nodeexporterport: nodeExporter.port }),
    },
    allPlugins: () => nodes.map(({ supervisor }) => supervisor),
    nodes: controlsOf(nodes),
  };
  for (let index = 0; index < nodeCount; index++) {
    nodes.push(await startNode(index, options, shared, nodes));
  }
  for (const node of nodes) {
    await node.startPlugin().catch((error: unknown) => {
      log('error', `the plugin did not start ${node.name}: ${String(error)}`, []);
    });
  }
  const close = async (): Promise<void> => {
    for (const node of nodes) await node.close();
    await nodeExporter?.close();
    await database.close();
  };
  let closing: Promise<void> | undefined;
  return {
    url: nodes[0].url,
    supervisor: nodes[0].supervisor,
    nodes,
    store: nodes[0].store,
    hasNodeExporter: nodeExporter !== undefined,
    close: () => (closing ??= close()),
  };
}

type SharedOptions = Omit<
  DevNodeOptions,
  'executable' | 'hostname' | 'address' | 'workDir' | 'port' | 'metricsPort' | 'log' | 'publish'
>;

/** Each node of a cluster has an address of the loopback network to itself, and a folder. */
function startNode(
  index: number,
  options: DevHostOptions,
  shared: SharedOptions,
  earlier: readonly DevNode[],
): Promise<DevNode> {
  const { stateDir, port, nodeCount = 1, network = 1, log } = options;
  const isAlone = nodeCount === 1;
  const address = isAlone ? '127.0.0.1' : `127.0.${network}.${index + 1}`;
  return DevNode.start({
    ...shared,
    executable: (index === 0 ? options.firstExecutable : undefined) ?? options.executable,
    hostname: isAlone ? '' : address,
    address,
    workDir: isAlone ? stateDir : path.join(stateDir, `node${index + 1}`),
    port: index === 0 ? port : 0,
    metricsPort: earlier[0]?.metricsPort ?? 0,
    log: isAlone ? log : (level, message, fields) => log(level, `${address} ${message}`, fields),
    publish: (event) => {
      for (const node of earlier) if (node.name !== address) node.supervisor.clusterEvent(event);
    },
  });
}

function controlsOf(nodes: readonly DevNode[]): NodeControls {
  return {
    list: () =>
      nodes.map(({ name, url, supervisor, faults }) => {
        return { name, url, state: supervisor.state, faults };
      }),
    perform: async (name, action) => {
      const node = nodes.find((each) => each.name === name);
      if (node === undefined) throw new Error(`no node ${name}`);
      await node.perform(action);
    },
  };
}
