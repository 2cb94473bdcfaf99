import { CodedError } from '../base/errors.ts';
import { serveMetrics } from '../httpapi/metrics.ts';
import { ephemeralResponse } from '../protocol/mattermost/index.ts';
import type { Config, PluginHooks } from '../protocol/mattermost/index.ts';
import { validateSettings } from '../services/config/parse-settings.ts';
import { adaptHost } from './host-adapter.ts';
import { HostLogger } from './host-logger.ts';
import { MetricsPlugin } from './metrics-plugin.ts';
import type { Platform, PluginInfo } from './platform.ts';

/** The last log lines of a plugin that stops are worth this wait. */
const LOG_FLUSH_MS = 500;

export interface HooksOptions {
  readonly platform: Platform;
  readonly info: PluginInfo;
  /** Told where log lines go from now on; undefined: nowhere any more. */
  readonly onLogger?: (logger: HostLogger | undefined) => void;
}

/** The hooks that the Mattermost server calls, each handed to the plugin of the present activation. */
export function makeHooks(options: HooksOptions): PluginHooks {
  const { platform, info } = options;
  let active: { plugin: MetricsPlugin; log: HostLogger } | undefined;
  const require = (): MetricsPlugin => {
    if (active !== undefined) return active.plugin;
    throw new CodedError('ERR_PLUGIN_NOT_ACTIVE', 'the plugin is not active');
  };

  return {
    onActivate: async (host) => {
      const log = new HostLogger(host.api, platform.clock);
      options.onLogger?.(log);
      const plugin = new MetricsPlugin(adaptHost(host, log), platform, info);
      active = { plugin, log };
      plugin.start();
    },

    onDeactivate: async () => {
      const ending = active;
      active = undefined;
      if (ending === undefined) return;
      await ending.plugin.stop();
      options.onLogger?.(undefined);
      await Promise.race([ending.log.flush(), platform.clock.sleep(LOG_FLUSH_MS)]);
    },

    onConfigurationChange: async () => {
      // The call before the activation has nothing to tell: the start loads everything itself.
      active?.plugin.reconfigure();
    },

    configurationWillBeSaved: async (config) => {
      // The server saves all of its settings at once: a problem that is there already is told in the
      // panel, and must not keep somebody from saving another page.
      const known = active?.plugin.settingsProblems;
      const problems = validateSettings(settingsIn(config, info.id), known);
      return problems.length === 0 ? undefined : problems.map(({ message }) => message).join(' ');
    },

    serveHttp: (_, request, response) => require().api.serve(request, response),

    serveMetrics: (_, request, response) => serveMetrics(require().ownMetrics, request, response),

    executeCommand: async (_, args) => {
      const call = {
        userId: args.UserId,
        channelId: args.ChannelId,
        rootId: args.RootId,
        text: args.Command,
      };
      return ephemeralResponse(await require().runCommand(call));
    },

    onPluginClusterEvent: async (_, event) => {
      active?.plugin.onClusterEvent({ id: event.Id, data: event.Data });
    },

    generateSupportData: async () => {
      const files = await require().supportFiles();
      return files.map(({ name, bytes }) => ({ Filename: name, Body: bytes }));
    },
  };
}

/** The plugin's own settings in the server's configuration; Go integers become numbers. */
function settingsIn(config: Config, pluginId: string): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  const stored = config.PluginSettings?.Plugins?.[pluginId] ?? {};
  for (const [key, value] of Object.entries(stored)) {
    settings[key] = typeof value === 'bigint' ? Number(value) : value;
  }
  return settings;
}
