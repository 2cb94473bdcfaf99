import { CodedError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { autocomplete, listArgument, PLUGIN_STATE_RUNNING } from '../protocol/mattermost/index.ts';
import type { Command, Config, PluginHost, MattermostApi } from '../protocol/mattermost/index.ts';
import { CALLS_PLUGIN_ID } from '../services/discovery/index.ts';
import { LOCAL_DRIVER, loadRemoteFileSettings } from './file-settings.ts';
import type { EphemeralPost, Host, ServerConfig, SlashCommand } from './host.ts';

/** What the server itself takes when its configuration does not say. */
const DEFAULT_LISTEN_ADDRESS = ':8067';
const DEFAULT_WRITE_TIMEOUT_SECONDS = 300;
const DEFAULT_FILE_DIRECTORY = './data/';

/** Of cluster events: sent until it has arrived, or the node counts as gone. */
const RELIABLE = 'reliable';
const DEFAULT_SQL_DRIVER = 'postgres';

const ADMINISTRATOR_ROLE = 'system_admin';
const ADMINISTRATOR_PERMISSION = 'manage_system';
/** Of the answer about a plugin that is not installed. */
const HTTP_NOT_FOUND = 404;
const NOTHING = new Uint8Array(0);
const KEYS_PER_PAGE = 1_000;

/** The Mattermost server as the plugin sees it. */
export function adaptHost({ api, driver }: PluginHost, log: Logger): Host {
  return {
    log,
    loadSettings: () => api.loadPluginConfiguration(),
    serverConfig: () => loadServerConfig(api),
    isPluginRunning: (pluginId) => isPluginRunning(api, pluginId),
    hasMetricsLicense: async () => (await api.getLicense())?.Features?.Metrics === true,
    kv: {
      get: (key) => api.kvGet(key),
      compareAndSet: (key, old, next) => api.kvCompareAndSet(key, old ?? NOTHING, next),
      createFor: (key, value, seconds) =>
        api.kvSetWithOptions(key, value, { Atomic: true, ExpireInSeconds: seconds }),
      setFor: (key, value, seconds) => api.kvSetWithExpiry(key, value, seconds),
      renewFor: (key, value, seconds) =>
        api.kvSetWithOptions(key, value, {
          Atomic: true,
          OldValue: value,
          ExpireInSeconds: seconds,
        }),
      set: (key, value) => api.kvSet(key, value),
      delete: (key) => api.kvDelete(key),
      keys: (prefix) => listKeys(api, prefix),
    },
    query: (sql, args) => driver.query(sql, args),
    publish: ({ id, data }) =>
      api.publishPluginClusterEvent({ Id: id, Data: data }, { SendType: RELIABLE }),
    isAdministrator: (userId) => api.hasPermissionTo(userId, ADMINISTRATOR_PERMISSION),
    identity: async () => {
      const [serverVersion, serverId, license] = await Promise.all([
        api.getServerVersion(),
        api.getTelemetryId(),
        api.getLicense(),
      ]);
      const licenseId = license?.Id ?? '';
      return { serverVersion, serverId, licenseId, customerId: license?.Customer?.Id ?? '' };
    },
    registerCommand: (command) => api.registerCommand(toCommand(command)),
    sendEphemeral: async ({ userId, channelId, rootId, message }: EphemeralPost) => {
      const post = { UserId: userId, ChannelId: channelId, RootId: rootId, Message: message };
      await api.sendEphemeralPost(userId, post);
    },
  };
}

async function loadServerConfig(api: MattermostApi): Promise<ServerConfig> {
  const config = readConfig(await api.getConfig());
  return { ...config, ...(await loadRemoteFileSettings(api, config.fileDriver)) };
}

/** The API lists all keys of the plugin, page by page. */
async function listKeys(api: MattermostApi, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (let page = 0; ; page++) {
    const keys = await api.kvList(page, KEYS_PER_PAGE);
    found.push(...keys.filter((key) => key.startsWith(prefix)));
    if (keys.length < KEYS_PER_PAGE) return found;
  }
}

function readConfig(config: Config): ServerConfig {
  const { ServiceSettings, ClusterSettings, MetricsSettings, FileSettings } = config;
  const { PluginSettings, SqlSettings } = config;
  return {
    siteUrl: (ServiceSettings?.SiteURL ?? '').replace(/\/+$/, ''),
    writeTimeoutSeconds: ServiceSettings?.WriteTimeout ?? DEFAULT_WRITE_TIMEOUT_SECONDS,
    isCluster: ClusterSettings?.Enable ?? false,
    clusterName: ClusterSettings?.ClusterName ?? '',
    nodeName: ClusterSettings?.OverrideHostname ?? '',
    sqlDriver: SqlSettings?.DriverName || DEFAULT_SQL_DRIVER,
    metricsEnabled: MetricsSettings?.Enable ?? false,
    metricsListenAddress: MetricsSettings?.ListenAddress || DEFAULT_LISTEN_ADDRESS,
    fileDriver: FileSettings?.DriverName || LOCAL_DRIVER,
    fileDirectory: FileSettings?.Directory || DEFAULT_FILE_DIRECTORY,
    rtcdServiceUrl: textSetting(PluginSettings?.Plugins?.[CALLS_PLUGIN_ID] ?? {}, 'rtcdserviceurl'),
  };
}

/** A setting of a plugin, whose key may be written in any case. */
function textSetting(settings: Readonly<Record<string, unknown>>, key: string): string {
  const found = Object.entries(settings).find(([each]) => each.toLowerCase() === key);
  return typeof found?.[1] === 'string' ? found[1].trim() : '';
}

async function isPluginRunning(api: MattermostApi, pluginId: string): Promise<boolean> {
  try {
    return (await api.getPluginStatus(pluginId)).State === PLUGIN_STATE_RUNNING;
  } catch (error) {
    if (error instanceof CodedError && error.details.statusCode === HTTP_NOT_FOUND) return false;
    throw error;
  }
}

function toCommand(command: SlashCommand): Partial<Command> {
  const { trigger, description, subcommands } = command;
  return {
    Trigger: trigger,
    DisplayName: 'Metrics',
    Description: description,
    AutoComplete: true,
    AutoCompleteDesc: description,
    AutoCompleteHint: subcommands.map((subcommand) => subcommand.trigger).join(' | '),
    AutocompleteData: autocomplete({
      Trigger: trigger,
      Hint: '[command]',
      HelpText: description,
      RoleID: ADMINISTRATOR_ROLE,
      SubCommands: subcommands.map((subcommand) =>
        autocomplete({
          Trigger: subcommand.trigger,
          Hint: subcommand.hint,
          HelpText: subcommand.helpText,
          RoleID: ADMINISTRATOR_ROLE,
          Arguments:
            subcommand.suggestions.length === 0
              ? []
              : [listArgument({ helpText: subcommand.hint }, subcommand.suggestions)],
        }),
      ),
    }),
  };
}
