import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { PluginProcess } from '../../base/ports/plugin-process.ts';
import { serveGoPlugin, type HandshakeConfig } from '../goplugin/index.ts';
import { HookServer } from './hook-server.ts';
import type { PluginHooks } from './hooks.ts';

/** What a Mattermost server and its plugins agree on; from server/public/plugin/client.go. */
export const MATTERMOST_HANDSHAKE: HandshakeConfig = {
  cookieKey: 'MATTERMOST_PLUGIN',
  cookieValue: 'Securely message teams, anywhere.',
  protocolVersion: 1,
};

/** The name under which the host asks for the plugin. */
export const HOOKS_PLUGIN = 'hooks';

export interface ServePluginOptions {
  readonly process: PluginProcess;
  readonly clock: Clock;
  /** For what has no way to the host; its lines end in the server's log by way of stderr. */
  readonly logger: Logger;
  /** Told to a person who starts the program. */
  readonly startedByHand: string;
}

/**
 * Runs the process as a Mattermost plugin until the host ends it, and resolves with its exit code.
 * When the host is lost or a signal comes first, an active plugin is still deactivated.
 */
export function servePlugin(hooks: PluginHooks, options: ServePluginOptions): Promise<number> {
  const { process, clock, logger } = options;
  const servers: HookServer[] = [];
  return serveGoPlugin({
    process,
    clock,
    logger,
    handshake: MATTERMOST_HANDSHAKE,
    startedByHand: options.startedByHand,
    plugins: {
      [HOOKS_PLUGIN]: (stream, broker) => {
        const server = new HookServer(hooks, broker, logger);
        servers.push(server);
        return server.serve(stream);
      },
    },
    onEnd: async () => {
      for (const server of servers) await server.deactivate();
    },
  });
}
