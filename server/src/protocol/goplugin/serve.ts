// The life of a plugin process; mirrors Serve in server.go of hashicorp/go-plugin v1.8.0.

import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { PluginProcess } from '../../base/ports/plugin-process.ts';
import type { SocketListener } from '../../base/ports/socket-listener.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import type { HandshakeConfig } from './handshake.ts';
import { checkEnvironment, formatHandshake } from './handshake.ts';
import type { PluginConnection, ServePlugin } from './plugin-connection.ts';
import { servePluginConnection } from './plugin-connection.ts';

/** Why a plugin ends: it was asked to, its host is gone, or the system wants it to. */
export type EndReason = 'quit' | 'host_lost' | 'signal';

export interface GoPluginOptions {
  readonly process: PluginProcess;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handshake: HandshakeConfig;
  /** Plugins by the name under which the host asks for them. */
  readonly plugins: Readonly<Record<string, ServePlugin>>;
  /** What a person reads who starts the program by hand. */
  readonly startedByHand: string;
  /**
   * Called once when the plugin ends, after the connection of the host if that is what is gone.
   * Gets {@link STOP_TIMEOUT_MS}; the process ends then in any case.
   */
  readonly onEnd?: (reason: EndReason) => Promise<void>;
}

/** How long the host may take to connect; hosts give up the plugin after 3 s to 60 s themselves. */
export const CONNECT_TIMEOUT_MS = 60_000;

/** How long `onEnd` may take. Mattermost waits 10 s for its plugins, then stops without them. */
export const STOP_TIMEOUT_MS = 10_000;

/** How often the process looks whether its host is still there. */
const PARENT_CHECK_MS = 2_000;

/**
 * Runs the process as a plugin until it should end, and resolves with its exit code. The socket
 * file exists only until the host has connected: whatever ends the process later, nothing is left.
 */
export async function serveGoPlugin(options: GoPluginOptions): Promise<number> {
  const { process, handshake } = options;
  let listener: SocketListener;
  try {
    checkEnvironment(process.env, handshake);
    listener = await process.listen(process.env.PLUGIN_UNIX_SOCKET_DIR || undefined);
  } catch (error) {
    const isByHand = hasCode(error, 'ERR_PLUGIN_NOT_HOSTED');
    const text = isByHand
      ? options.startedByHand
      : `The plugin cannot start: ${describeError(error)}`;
    await process.writeStderr(`${text}\n`);
    return 1;
  }
  const lifetime = new AbortController();
  const watch = new Watch(options, lifetime.signal);
  try {
    await process.writeStdout(formatHandshake(handshake, listener.path));
    const socket = await waitForHost(listener, options, watch.ended);
    await listener.close();
    if (socket === undefined) return 1;
    return await serveHost(socket, options, watch.ended);
  } finally {
    lifetime.abort();
    watch.stop();
    await listener.close();
  }
}

/** The signals and the parent process: what ends a plugin from outside its connection. */
class Watch {
  readonly ended: Promise<EndReason>;
  readonly #undo: (() => void)[] = [];

  constructor({ process, clock, logger }: GoPluginOptions, signal: AbortSignal) {
    this.ended = new Promise((resolve) => {
      // Ctrl-C in the terminal of the host reaches all its plugins, but it is the host's to end.
      this.#undo.push(process.onSignal('SIGINT', () => logger.debug('Ignored an interrupt')));
      for (const name of ['SIGTERM', 'SIGHUP'] as const) {
        this.#undo.push(process.onSignal(name, () => resolve('signal')));
      }
      void waitForOrphanage(process, clock, signal).then(() => resolve('host_lost'));
    });
  }

  stop(): void {
    for (const undo of this.#undo) undo();
  }
}

/** Resolves when another process has become the parent, as the first one has died. */
async function waitForOrphanage(
  process: PluginProcess,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const parent = process.parentId();
  while (!signal.aborted && process.parentId() === parent) {
    await clock.sleep(PARENT_CHECK_MS, signal).catch(() => undefined);
  }
}

/** The host's connection, or undefined when it does not come. */
async function waitForHost(
  listener: SocketListener,
  { clock, logger }: GoPluginOptions,
  ended: Promise<EndReason>,
): Promise<Duplex | undefined> {
  const first = Promise.race([listener.accept(), ended.then(() => undefined)]);
  try {
    return await withTimeout(clock, CONNECT_TIMEOUT_MS, first, stillWaiting);
  } catch {
    logger.error('The plugin host did not connect in time', { timeoutMs: CONNECT_TIMEOUT_MS });
    return undefined;
  }
}

function stillWaiting(): CodedError {
  return new CodedError('ERR_PLUGIN_TIMEOUT', 'it took too long');
}

async function serveHost(
  socket: Duplex,
  options: GoPluginOptions,
  ended: Promise<EndReason>,
): Promise<number> {
  const { logger, process } = options;
  let connection: PluginConnection | undefined;
  const undo: (() => void)[] = [];
  const serving = (async (): Promise<EndReason> => {
    connection = await servePluginConnection(socket, options);
    const { stdout, stderr } = connection;
    undo.push(process.captureOutput('stdout', (bytes) => stdout.take(bytes)));
    undo.push(process.captureOutput('stderr', (bytes) => stderr.take(bytes)));
    const lost = await connection.ended;
    return lost === undefined ? 'quit' : reportLoss(logger, lost);
  })().catch((error: unknown) => reportLoss(logger, error));
  const reason = await Promise.race([serving, ended]);
  await runOnEnd(options, reason);
  for (const restore of undo) restore();
  if (connection === undefined) socket.destroy();
  else await connection.close();
  return reason === 'host_lost' ? 1 : 0;
}

function reportLoss(logger: Logger, error: unknown): EndReason {
  logger.warn('The plugin host is gone', { error });
  return 'host_lost';
}

async function runOnEnd(
  { onEnd, clock, logger }: GoPluginOptions,
  reason: EndReason,
): Promise<void> {
  if (onEnd === undefined) return;
  try {
    await withTimeout(clock, STOP_TIMEOUT_MS, onEnd(reason), stillWaiting);
  } catch (error) {
    logger.error('The plugin did not stop as it should', { reason, error });
  }
}
