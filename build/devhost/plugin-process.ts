// Starts the plugin's executable and talks to it as a Mattermost server would: the environment, the
// time limits and the order are those of its plugin supervisor (plugin/supervisor.go) and of
// hashicorp/go-plugin (client.go).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import { systemClock } from '../../server/src/platform/system-clock.ts';
import { connectUnixSocket } from '../../server/src/platform/unix-socket.ts';
import {
  GoPluginHostConnection,
  parseHandshake,
} from '../../server/src/protocol/goplugin/index.ts';
import {
  HOOKS_PLUGIN,
  MATTERMOST_HANDSHAKE as handshake,
} from '../../server/src/protocol/mattermost/serve-plugin.ts';
import { RpcClient } from '../../server/src/protocol/netrpc/index.ts';

/** From the start of the process to its handshake line. */
const startTimeoutMs = 3_000;
/** From `Quit` to the end of the process. */
const quitTimeoutMs = 2_000;

/** A host that ends in any way takes its plugins along. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface PluginProcessOptions {
  readonly executable: string;
  /** Folder that the plugin takes relative paths from. */
  readonly cwd: string;
  /** Takes each line that the process writes to standard error. */
  readonly onOutput: (line: string) => void;
}

/** A plugin process that has greeted and whose hooks can be called. */
export class PluginProcess {
  readonly connection: GoPluginHostConnection;
  readonly hooks: RpcClient;
  /** Resolves when the process has ended, however that came. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(
    child: ChildProcess,
    ended: Promise<void>,
    connection: GoPluginHostConnection,
    hooks: RpcClient,
  ) {
    this.#child = child;
    this.ended = ended;
    this.connection = connection;
    this.hooks = hooks;
  }

  /** Rejects, with the process ended, when it does not greet in time or cannot be reached. */
  static async start({ executable, cwd, onOutput }: PluginProcessOptions): Promise<PluginProcess> {
    const child = spawn(executable, [], {
      cwd,
      env: {
        ...process.env,
        [handshake.cookieKey]: handshake.cookieValue,
        PLUGIN_MIN_PORT: '10000',
        PLUGIN_MAX_PORT: '25000',
        PLUGIN_PROTOCOL_VERSIONS: String(handshake.protocolVersion),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    createInterface({ input: child.stderr }).on('line', onOutput);
    running.add(child);
    void ended.then(() => running.delete(child));
    try {
      const socketPath = parseHandshake(handshake, await firstLine(child, ended));
      const connection = await GoPluginHostConnection.connect(await connectUnixSocket(socketPath), {
        clock: systemClock,
        onOutput: (_, bytes) => onOutput(new TextDecoder().decode(bytes).trimEnd()),
      });
      const hooks = new RpcClient(await connection.dispense(HOOKS_PLUGIN));
      return new PluginProcess(child, ended, connection, hooks);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Process id, for tests and for the page. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Asks the process to end; one that does not is killed. Never rejects. */
  async stop(): Promise<void> {
    await Promise.race([
      this.connection.quit().catch(() => undefined),
      delay(quitTimeoutMs, undefined, { ref: false }),
    ]);
    await Promise.race([this.ended, delay(quitTimeoutMs, undefined, { ref: false })]);
    this.kill();
    await this.ended;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

async function firstLine(child: ChildProcess, ended: Promise<void>): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the plugin has no standard output');
  const lines = createInterface({ input: stdout });
  const line = once(lines, 'line').then(([text]) => String(text));
  const timeout = AbortSignal.timeout(startTimeoutMs);
  const late = once(timeout, 'abort').then(() => `no handshake within ${startTimeoutMs} ms`);
  const died = ended.then(() => 'the process ended before its handshake');
  const failure = Promise.race([late, died]).then((reason) => Promise.reject(new Error(reason)));
  // Settles a second time when the process ends much later.
  failure.catch(() => undefined);
  return Promise.race([line, failure]);
}
