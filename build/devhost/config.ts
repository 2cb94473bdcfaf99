import { fill } from '../../server/src/protocol/gob/index.ts';
import {
  configSchema,
  type Config as WireConfig,
} from '../../server/src/protocol/mattermost/model/config.ts';
import { record } from '../manifest.ts';
import type { Documents } from './documents.ts';

/** A configuration as the server's REST API shows it: nested objects by Go's field names. */
export type Config = Readonly<Record<string, unknown>>;

const documentName = 'config';

export interface ConfigDefaults {
  readonly pluginId: string;
  /** Whether several nodes share the database. */
  readonly isCluster: boolean;
  /** Settings of the plugin for a first start. */
  readonly pluginSettings: Config;
}

/** What differs from node to node, or from run to run, whatever was saved. */
export interface NodePlaces {
  readonly siteUrl: string;
  /** Folder of the local file store. */
  readonly fileStoreDir: string;
  /** Where the exporter listens that stands for the server's own; such as `:8067`. */
  readonly metricsAddress: string;
  /** How the node is called in the cluster; '' for the name of the machine. */
  readonly hostname: string;
  /** Settings of the plugin. */
  readonly plugin: Config;
}

/** The configuration that all nodes share: what was saved, over the defaults. */
export class ConfigStore {
  readonly pluginId: string;
  readonly #documents: Documents;
  #config: Config;

  constructor(documents: Documents, defaults: ConfigDefaults) {
    this.#documents = documents;
    this.pluginId = defaults.pluginId;
    const saved = record(documents.read(documentName) ?? {}, 'saved configuration');
    const ClusterSettings = { Enable: defaults.isCluster };
    this.#config = merge(merge(initialConfig(defaults), saved), { ClusterSettings });
  }

  get config(): Config {
    return this.#config;
  }

  save(config: Config): void {
    this.#config = config;
    this.#documents.write(documentName, config);
  }
}

/** The configuration as one node has it. */
export class NodeConfig {
  readonly #shared: ConfigStore;
  readonly #places: Config;

  constructor(shared: ConfigStore, places: NodePlaces) {
    this.#shared = shared;
    this.#places = placesOf(shared.pluginId, places);
  }

  get config(): Config {
    return merge(this.#shared.config, this.#places);
  }

  /** The configuration that `patch` would lead to; nothing is stored. */
  patched(patch: Config): Config {
    return merge(this.config, patch);
  }

  /** For all nodes. */
  save(config: Config): void {
    this.#shared.save(config);
  }

  /** Whether the administrator wants the plugin to run. */
  get pluginEnabled(): boolean {
    const states = record(section(this.config, 'PluginSettings').PluginStates ?? {}, 'states');
    const { pluginId } = this.#shared;
    return record(states[pluginId] ?? {}, pluginId).Enable === true;
  }

  /** The plugin's own settings by lower-case key, as `LoadPluginConfiguration` hands them out. */
  pluginSettings(): Config {
    const plugins = record(section(this.config, 'PluginSettings').Plugins ?? {}, 'Plugins');
    const { pluginId } = this.#shared;
    const settings = record(plugins[pluginId] ?? {}, pluginId);
    return Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [key.toLowerCase(), value]),
    );
  }

  savePluginSettings(settings: Config): void {
    const PluginSettings = { Plugins: { [this.#shared.pluginId]: settings } };
    this.save(this.patched({ PluginSettings }));
  }
}

/** One group of settings, for example `MetricsSettings`; empty when the configuration lacks it. */
export function section(config: Config, name: string): Config {
  return record(config[name] ?? {}, name);
}

/**
 * The configuration as it travels to the plugin. Its groups are taken as they are: a value of a wrong
 * type is refused when it is encoded.
 */
export function toWireConfig(config: Config): WireConfig {
  return fill(configSchema, {
    ServiceSettings: section(config, 'ServiceSettings') as WireConfig['ServiceSettings'],
    SqlSettings: section(config, 'SqlSettings') as WireConfig['SqlSettings'],
    FileSettings: section(config, 'FileSettings') as WireConfig['FileSettings'],
    ClusterSettings: section(config, 'ClusterSettings') as WireConfig['ClusterSettings'],
    MetricsSettings: section(config, 'MetricsSettings') as WireConfig['MetricsSettings'],
    PluginSettings: section(config, 'PluginSettings') as WireConfig['PluginSettings'],
  });
}

function initialConfig(defaults: ConfigDefaults): Config {
  return {
    ServiceSettings: { EnableDeveloper: true },
    SqlSettings: { DriverName: 'postgres' },
    FileSettings: { DriverName: 'local', MaxFileSize: 100 * 1024 * 1024 },
    MetricsSettings: { Enable: true },
    ClusterSettings: { Enable: defaults.isCluster, ClusterName: '' },
    PluginSettings: {
      Enable: true,
      EnableHealthCheck: true,
      Plugins: { [defaults.pluginId]: defaults.pluginSettings },
      PluginStates: { [defaults.pluginId]: { Enable: true } },
    },
  };
}

function placesOf(pluginId: string, places: NodePlaces): Config {
  return {
    PluginSettings: { Plugins: { [pluginId]: places.plugin } },
    ServiceSettings: { SiteURL: places.siteUrl },
    FileSettings: { Directory: places.fileStoreDir },
    MetricsSettings: { ListenAddress: places.metricsAddress },
    ClusterSettings: { OverrideHostname: places.hostname },
  };
}

/** `patch` over `base`, object by object; other values, arrays too, are replaced. */
function merge(base: Config, patch: Config): Config {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
