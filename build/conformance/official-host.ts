import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { goBuild } from '../support/go.ts';
import { childrenOf, ended, spawnTied } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

/** Releases of `server/public` that the suite runs under; each is a folder `host-<version>`. */
export const hostVersions = ['v0.4.2', 'v0.0.14'] as const;
export type HostVersion = (typeof hostVersions)[number];

/** Argument of the host's "start"; see `Options` in host/host.go. */
export interface HostOptions {
  plugin_id: string;
  plugin_dir: string;
  webapp_dir: string;
  /** Laid over the defaults of Mattermost's configuration. */
  config?: object;
  plugin_config?: Record<string, unknown>;
  /** User ids that have every permission. */
  admins?: readonly string[];
  licensed?: boolean;
  /** PostgreSQL connection string; without it the database driver refuses. */
  database?: string;
}

/** A line that the plugin sent through the log methods of the API. */
export interface LogLine {
  event: 'log';
  level: string;
  message: string;
  fields: Record<string, string>;
}

/** A post that the plugin made. */
export interface PostEvent {
  event: 'ephemeral_post' | 'post';
  user_id: string;
  post: { message: string; channel_id: string };
}

interface Reply {
  id: number;
  result: unknown;
  error?: string;
  ms: number;
}

type Line = Reply | LogLine | PostEvent | { event: 'cluster_event' };

/** What one operation answered, and how long it took inside the host. */
export interface Answer {
  result: unknown;
  ms: number;
}

interface Waiting {
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
}

/** The official Go host in a process of its own, driven by JSON lines. */
export class OfficialHost {
  readonly logs: LogLine[] = [];
  readonly posts: PostEvent[] = [];
  /** What the host itself logged, the plugin's stderr among it. */
  readonly hostLog: string[] = [];
  #process: ChildProcess;
  #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #address = '';
  #options: HostOptions;

  /** @param workDir working directory of the host and so of the plugin */
  constructor(
    version: HostVersion,
    options: HostOptions,
    workDir: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.#options = options;
    const program = goBuild({
      dir: join(import.meta.dirname, `host-${version}`),
      name: `host-${version}`,
    });
    this.#process = spawnTied(program, [], {
      cwd: workDir,
      env: { ...process.env, ...environment },
    });
    const { stdout, stderr } = this.#process;
    if (!stdout || !stderr) throw new Error('the host has no pipes');
    createInterface(stdout).on('line', (line) => this.#receive(line));
    createInterface(stderr).on('line', (line) => this.hostLog.push(line));
    this.#process.once('exit', () => this.#rejectAll());
  }

  async start(): Promise<void> {
    const { result } = await this.perform('start', this.#options);
    this.#address = (result as { address: string }).address;
  }

  /** One operation of host/control.go; its error, the plugin's included, rejects. */
  async perform(op: string, args: unknown = null): Promise<Answer> {
    const id = ++this.#lastId;
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify({ id, op, args })}\n`);
    });
    if (reply.error !== undefined) throw new Error(reply.error);
    return { result: reply.result, ms: reply.ms };
  }

  /** Process id of the host itself. */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('the host did not start');
    return pid;
  }

  /** Process id of the running plugin; undefined when there is none. */
  pluginPid(): number | undefined {
    return childrenOf(this.pid)[0];
  }

  /** Address of a route of the plugin, as the web listener of the server has it. */
  url(path: string): string {
    return `http://${this.#address}/plugins/${this.#options.plugin_id}${path}`;
  }

  /** Address of the plugin's routes on the metrics listener. */
  metricsUrl(path = ''): string {
    return `http://${this.#address}/metrics-listener/plugins/${this.#options.plugin_id}/metrics${path}`;
  }

  /** One request, by the given user or by nobody. */
  fetch(path: string, init: RequestInit & { user?: string } = {}): Promise<Response> {
    const { user, ...request } = init;
    const headers = new Headers(request.headers);
    if (user !== undefined) headers.set('X-Conformance-User', user);
    return fetch(this.url(path), { ...request, headers });
  }

  /** Waits for a log line of the plugin that `matches`. */
  logged(what: string, matches: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine> {
    return waitUntil(`log line: ${what}`, () => this.logs.find(matches), timeoutMs);
  }

  /** Orderly end: the environment is shut down as on a server's stop. */
  async stop(): Promise<void> {
    this.#process.stdin?.end();
    await ended(this.#process);
  }

  /** The end that leaves the host no time for anything. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await ended(this.#process);
  }

  #receive(text: string): void {
    const line = JSON.parse(text) as Line;
    if (!('event' in line)) {
      this.#waiting.get(line.id)?.resolve(line);
      this.#waiting.delete(line.id);
    } else if (line.event === 'log') this.logs.push(line);
    else if (line.event !== 'cluster_event') this.posts.push(line);
  }

  #rejectAll(): void {
    const error = new Error(`the host ended\n${this.hostLog.slice(-20).join('\n')}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
