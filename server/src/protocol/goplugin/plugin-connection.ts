// The plugin's side of a connection; mirrors rpc_server.go of hashicorp/go-plugin v1.8.0.

import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { LogFields, Logger } from '../../base/log.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { EMPTY, RpcServer } from '../netrpc/index.ts';
import { YamuxSession } from '../yamux/index.ts';
import type { Broker } from './broker.ts';
import { MuxBroker } from './broker.ts';
import { DISPENSE, PING, QUIT } from './control.ts';
import { OutputStream } from './output-stream.ts';

/** Makes the service of a plugin on a stream of its own; ends when the stream does. */
export type ServePlugin = (stream: Duplex, broker: Broker) => Promise<void>;

export interface PluginConnectionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Plugins by the name under which the host asks for them. */
  readonly plugins: Readonly<Record<string, ServePlugin>>;
}

/** How long the host may take to hang up after `Quit` was answered. */
const HANG_UP_TIMEOUT_MS = 500;

/** A connection whose control and output streams the host has opened. */
export interface PluginConnection {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Resolves when the host asked to quit (undefined), or hung up or was lost (why). */
  readonly ended: Promise<CodedError | undefined>;
  /** Ends the session. After `Quit` it first lets the host hang up. Fine to call twice. */
  close(): Promise<void>;
}

/** Serves a connection of a host. Rejects with `ERR_YAMUX_…` when it ends before it has begun. */
export async function servePluginConnection(
  socket: Duplex,
  options: PluginConnectionOptions,
): Promise<PluginConnection> {
  const session = new YamuxSession(socket, { role: 'server', clock: options.clock });
  const control = await nextStream(session);
  const stdout = new OutputStream(await nextStream(session));
  const stderr = new OutputStream(await nextStream(session));
  const broker = new MuxBroker(session, options.clock);

  let resolveQuit = (): void => {};
  const quit = new Promise<undefined>((resolve) => {
    resolveQuit = () => resolve(undefined);
  });
  let hasQuit = false;
  const server = new RpcServer();
  server.handle(PING.name, PING.args, PING.reply, () => EMPTY);
  server.handle(QUIT.name, QUIT.args, QUIT.reply, () => {
    hasQuit = true;
    resolveQuit();
    return EMPTY;
  });
  const report = (message: string, fields: LogFields): void => {
    // Connections that end with the session are no news.
    if (session.isEnded) options.logger.debug(message, fields);
    else options.logger.error(message, fields);
  };
  server.handle(DISPENSE.name, DISPENSE.args, DISPENSE.reply, (name) =>
    dispense(name, broker, options.plugins, report),
  );
  const lost = session.closed.then(
    (error) => error ?? new CodedError('ERR_PLUGIN_CLOSED', 'the plugin has ended the connection'),
  );
  // A broken control stream is reported by the session, or leaves a host whose pings fail and
  // ends us by itself.
  void server.serve(control).catch((error: unknown) => {
    report('The control connection of the plugin host broke', { error });
  });
  return {
    stdout,
    stderr,
    ended: Promise.race([quit, lost]),
    close: async () => {
      if (hasQuit) await Promise.race([session.closed, sleep(options.clock, HANG_UP_TIMEOUT_MS)]);
      await session.close();
    },
  };
}

async function nextStream(session: YamuxSession): Promise<Duplex> {
  const stream = await session.accept();
  if (stream !== undefined) return stream;
  throw (
    (await session.closed) ??
    new CodedError('ERR_PLUGIN_CLOSED', 'the plugin has ended the connection')
  );
}

function dispense(
  name: string,
  broker: Broker,
  plugins: PluginConnectionOptions['plugins'],
  report: (message: string, fields: LogFields) => void,
): number {
  if (!Object.hasOwn(plugins, name)) throw new Error(`unknown plugin type: ${name}`);
  const serve = plugins[name];
  const id = broker.nextId();
  const serving = broker.accept(id).then((stream) => serve(stream, broker));
  serving.catch((error: unknown) =>
    report('A connection of the plugin host broke', { plugin: name, error }),
  );
  return id;
}

async function sleep(clock: Clock, delayMs: number): Promise<void> {
  await clock.sleep(delayMs);
}
