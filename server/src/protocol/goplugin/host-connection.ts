// The host's side of a connection; mirrors rpc_client.go of hashicorp/go-plugin v1.8.0.

import type { Clock } from '../../base/clock.ts';
import { type CodedError, hasCode } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { RpcClient } from '../netrpc/index.ts';
import { YamuxSession } from '../yamux/index.ts';
import type { Broker } from './broker.ts';
import { MuxBroker } from './broker.ts';
import { DISPENSE, PING, QUIT } from './control.ts';

export interface HostConnectionOptions {
  readonly clock: Clock;
  /** Takes what the plugin writes to standard output and error. Must not throw. */
  readonly onOutput?: (output: 'stdout' | 'stderr', bytes: Uint8Array) => void;
}

/** A connection to a plugin, for hosts: the stand-in host of the build, and tests. */
export class GoPluginHostConnection {
  /** Named streams in both directions. */
  readonly broker: Broker;
  /** Resolves when the connection has ended, with the reason unless `close` was called. */
  readonly closed: Promise<CodedError | undefined>;

  readonly #session: YamuxSession;
  readonly #control: RpcClient;

  private constructor(session: YamuxSession, clock: Clock, control: Duplex) {
    this.#session = session;
    this.#control = new RpcClient(control);
    this.broker = new MuxBroker(session, clock);
    this.closed = session.closed;
  }

  /** Opens the control and output streams on a fresh socket of the plugin. */
  static async connect(
    socket: Duplex,
    { clock, onOutput }: HostConnectionOptions,
  ): Promise<GoPluginHostConnection> {
    const session = new YamuxSession(socket, { role: 'client', clock });
    // The order is the protocol: the plugin knows these streams by it.
    const control = await session.open();
    for (const output of ['stdout', 'stderr'] as const) {
      void copyOutput(await session.open(), (bytes) => onOutput?.(output, bytes));
    }
    return new GoPluginHostConnection(session, clock, control);
  }

  /** The stream on which the plugin of this name serves its methods. */
  async dispense(name: string): Promise<Duplex> {
    return this.broker.dial(
      await this.#control.call(DISPENSE.name, DISPENSE.args, name, DISPENSE.reply),
    );
  }

  /** Resolves when the plugin answers. */
  async ping(): Promise<void> {
    await this.#control.call(PING.name, PING.args, true, PING.reply);
  }

  /** Asks the plugin's process to end, and hangs up when it has answered or hung up itself. */
  async quit(): Promise<void> {
    try {
      await this.#control.call(QUIT.name, QUIT.args, true, QUIT.reply);
    } catch (error) {
      // A process that ends at once may be gone before its answer is on the wire.
      if (!hasCode(error, 'ERR_RPC_CLOSED')) throw error;
    } finally {
      await this.close();
    }
  }

  /** Hangs up. Fine to call twice. */
  async close(): Promise<void> {
    await this.#control.close();
    await this.#session.close();
  }
}

async function copyOutput(stream: Duplex, take: (bytes: Uint8Array) => void): Promise<void> {
  try {
    for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
      take(bytes);
    }
  } catch {
    // The connection is gone, which `closed` reports.
  }
}
