import { fill } from '../../server/src/protocol/gob/index.ts';
import {
  configSchema,
  type Config as WireConfig,
} from '../../server/src/protocol/mattermost/model/config.ts';
import { record } from '../manifest.ts';
import type { Store } from './store.ts';

/** A configuration as the server's REST API shows it: nested objects by Go's field names. */
export type Config = Readonly<Record<string, unknown>>;

const documentName = 'config';

export interface ConfigDefaults {
  readonly pluginId: string;
  readonly siteUrl: string;
  /** Folder of the local file store. */
  readonly fileStoreDir: string;
  /** Port of the exporter that stands for the server's own. */
  readonly metricsPort: number;
  /** Settings of the plugin for a first start. */
  readonly pluginSettings: Config;
  /** Settings of the plugin that depend on this run, whatever was saved. */
  readonly pluginPlaces: Config;
}

/** The server's configuration: what was saved, over the defaults of this run. */
export class ConfigStore {
  readonly #store: Store;
  readonly #pluginId: string;
  #config: Config;

  constructor(store: Store, defaults: ConfigDefaults) {
    this.#store = store;
    this.#pluginId = defaults.pluginId;
    const saved = record(store.readDocument(documentName) ?? {}, 'saved configuration');
    // Ports and folders are those of this run, whatever an earlier one used.
    this.#config = merge(merge(initialConfig(defaults), saved), placesOf(defaults));
  }

  get config(): Config {
    return this.#config;
  }

  /** The configuration that `patch` would lead to; nothing is stored. */
  patched(patch: Config): Config {
    return merge(this.#config, patch);
  }

  save(config: Config): void {
    this.#config = config;
    this.#store.writeDocument(documentName, config);
  }

  /** Whether the administrator wants the plugin to run. */
  get pluginEnabled(): boolean {
    const states = record(section(this.#config, 'PluginSettings').PluginStates ?? {}, 'states');
    return record(states[this.#pluginId] ?? {}, this.#pluginId).Enable === true;
  }

  /** The plugin's own settings by lower-case key, as `LoadPluginConfiguration` hands them out. */
  pluginSettings(): Config {
    const plugins = record(section(this.#config, 'PluginSettings').Plugins ?? {}, 'Plugins');
    const settings = record(plugins[this.#pluginId] ?? {}, this.#pluginId);
    return Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [key.toLowerCase(), value]),
    );
  }

  savePluginSettings(settings: Config): void {
    const PluginSettings = { Plugins: { [this.#pluginId]: settings } };
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
    ClusterSettings: { Enable: false, ClusterName: '' },
    PluginSettings: {
      Enable: true,
      EnableHealthCheck: true,
      Plugins: { [defaults.pluginId]: defaults.pluginSettings },
      PluginStates: { [defaults.pluginId]: { Enable: true } },
    },
  };
}

function placesOf(defaults: ConfigDefaults): Config {
  const { siteUrl, fileStoreDir, metricsPort, pluginId, pluginPlaces } = defaults;
  return {
    PluginSettings: { Plugins: { [pluginId]: pluginPlaces } },
    ServiceSettings: { SiteURL: siteUrl },
    FileSettings: { Directory: fileStoreDir },
    MetricsSettings: { ListenAddress: `:${metricsPort}` },
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
