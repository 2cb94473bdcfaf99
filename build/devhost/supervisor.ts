import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { fill } from '../../server/src/protocol/gob/index.ts';
import { hooks } from '../../server/src/protocol/mattermost/hooks-table.ts';
import { callMethod } from '../../server/src/protocol/mattermost/method.ts';
import { commandArgsSchema } from '../../server/src/protocol/mattermost/model/command.ts';
import {
  contextSchema,
  type PluginClusterEvent,
} from '../../server/src/protocol/mattermost/model/server.ts';
import { EMPTY } from '../../server/src/protocol/netrpc/index.ts';
import { type ApiContext, makeApiServer, newId } from './api-server.ts';
import { type Config, toWireConfig } from './config.ts';
import { makeDriverServer } from './driver-server.ts';
import { PluginProcess } from './plugin-process.ts';
import type { CommandAnswer, PluginPort } from './plugin-port.ts';
import { serveHttp } from './serve-http.ts';

/** A plugin that fails this often within the window stays off, as in a Mattermost server. */
const restartsMax = 3;
const restartWindowMs = 60 * 60_000;
/** A stop that the plugin does not answer ends after this. */
const deactivateTimeoutMs = 10_000;

export interface SupervisorOptions {
  readonly executable: string;
  /** Folder that the plugin takes relative paths from. */
  readonly workDir: string;
  /** How often the plugin is pinged; a Mattermost server does it every 30 s. */
  readonly healthCheckMs: number;
  readonly api: ApiContext;
  readonly onRestart: () => void;
}

/** Keeps the plugin running while it is enabled, and calls its hooks. */
export class Supervisor implements PluginPort {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  readonly #restartTimes: number[] = [];
  /** What the next start of the plugin runs. */
  executable: string;
  #process: PluginProcess | undefined;
  #implemented: ReadonlySet<string> = new Set();
  #state = 'not started';
  #enabled = false;
  /** Starts and stops, one after another. */
  #turn: Promise<void> = Promise.resolve();
  #health: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.executable = options.executable;
  }

  get state(): string {
    return this.#state;
  }

  get isActive(): boolean {
    return this.#process !== undefined;
  }

  /** Id of the plugin's process, or undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts or stops the plugin; rejects when it cannot be activated. */
  setEnabled(enabled: boolean): Promise<void> {
    this.#enabled = enabled;
    return this.#inTurn(async () => {
      if (enabled && this.#process === undefined) await this.#activate();
      if (!enabled) await this.#deactivate();
      this.#health ??= this.#watch();
    });
  }

  /** Stops the plugin for good. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.setEnabled(false);
    await this.#health;
  }

  async serveHttp(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    await this.#serve(hooks.ServeHTTP, request, response, url);
  }

  /** As the server's metrics listener does it for `/plugins/<id>/metrics`. */
  async serveMetrics(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
  ): Promise<void> {
    await this.#serve(hooks.ServeMetrics, request, response, url);
  }

  async configurationWillBeSaved(config: Config): Promise<string | undefined> {
    const process = this.#process;
    if (process === undefined || !this.#implemented.has('ConfigurationWillBeSaved')) {
      return undefined;
    }
    try {
      const args = { A: toWireConfig(config) };
      await callMethod(process.hooks, hooks.ConfigurationWillBeSaved, args);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async configurationChanged(): Promise<void> {
    if (this.#process === undefined || !this.#implemented.has('OnConfigurationChange')) return;
    await callMethod(this.#process.hooks, hooks.OnConfigurationChange, EMPTY);
  }

  /** An event of another node, which a plugin that is away never hears of. */
  clusterEvent(event: PluginClusterEvent): void {
    const { link } = this.#options.api;
    if (this.#process === undefined || link.areEventsCut) return;
    if (!this.#implemented.has('OnPluginClusterEvent')) return;
    const args = { A: fill(contextSchema, { RequestId: newId() }), B: event };
    callMethod(this.#process.hooks, hooks.OnPluginClusterEvent, args).catch(() => undefined);
  }

  /** Ends the process in the middle of whatever it does; `setEnabled(true)` starts another one. */
  kill(): Promise<void> {
    this.#enabled = false;
    this.#process?.kill();
    return this.setEnabled(false);
  }

  /** The process stands still until `resume`. */
  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  async executeCommand(command: string): Promise<CommandAnswer> {
    const trigger = /^\/(\S+)/.exec(command)?.[1] ?? '';
    const { commands, administratorId, config } = this.#options.api;
    if (!commands.has(trigger)) return { text: `There is no command /${trigger}.` };
    const services = config.config.ServiceSettings;
    const siteUrl =
      typeof services === 'object' && services !== null && 'SiteURL' in services
        ? String(services.SiteURL)
        : '';
    const returns = await callMethod(this.#running().hooks, hooks.ExecuteCommand, {
      A: fill(contextSchema, { RequestId: newId() }),
      B: fill(commandArgsSchema, {
        UserId: administratorId,
        ChannelId: newId(),
        TeamId: newId(),
        Command: command,
        SiteURL: siteUrl,
      }),
    });
    return { text: returns.A?.Text ?? '' };
  }

  async #activate(): Promise<void> {
    const { workDir, api } = this.#options;
    const { executable } = this;
    this.#state = 'starting';
    try {
      const process = await PluginProcess.start({
        executable,
        cwd: workDir,
        onOutput: (line) => api.log('output', line, []),
      });
      try {
        this.#implemented = await activate(process, api);
      } catch (error) {
        await process.stop();
        throw error;
      }
      this.#process = process;
      this.#state = 'running';
    } catch (error) {
      this.#state = `failed to start: ${messageOf(error)}`;
      throw error;
    }
  }

  async #deactivate(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    this.#state = 'stopped';
    this.#options.api.commands.clear();
    const left = callMethod(process.hooks, hooks.OnDeactivate, EMPTY).catch(() => undefined);
    await Promise.race([left, delay(deactivateTimeoutMs, undefined, { ref: false })]);
    await process.stop();
  }

  async #serve(
    method: typeof hooks.ServeHTTP,
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
  ): Promise<void> {
    const process = this.#process;
    if (process === undefined || !this.#implemented.has(method.name)) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('the plugin is not running');
      return;
    }
    const { connection, hooks: client } = process;
    await serveHttp({ broker: connection.broker, hooks: client, method }, request, response, url);
  }

  #running(): PluginProcess {
    if (this.#process === undefined) throw new Error('the plugin is not running');
    return this.#process;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await delay(this.#options.healthCheckMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && this.#enabled) await this.#inTurn(() => this.#checkHealth());
    }
  }

  async #checkHealth(): Promise<void> {
    const process = this.#process;
    if (process !== undefined && (await isHealthy(process, this.#options.healthCheckMs))) return;
    const nowMs = Date.now();
    while ((this.#restartTimes[0] ?? nowMs) < nowMs - restartWindowMs) this.#restartTimes.shift();
    if (this.#restartTimes.length >= restartsMax) {
      this.#state = `off after ${restartsMax} failures within an hour`;
      await this.#deactivate();
      return;
    }
    this.#restartTimes.push(nowMs);
    this.#options.onRestart();
    await this.#deactivate();
    // The state says why it failed, and the next check tries again.
    await this.#activate().catch(() => undefined);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Hands the plugin its API and database, and returns the names of its hooks. */
async function activate(process: PluginProcess, api: ApiContext): Promise<ReadonlySet<string>> {
  const { connection, hooks: client } = process;
  const { broker } = connection;
  const implemented = new Set(await callMethod(client, hooks.Implemented, EMPTY));
  const apiId = broker.nextId();
  const driverId = broker.nextId();
  const streams = [
    broker.accept(apiId).then((stream) => makeApiServer(api).serve(stream)),
    broker.accept(driverId).then((stream) => makeDriverServer(api.store).serve(stream)),
  ];
  // They break when the plugin ends, which the health check sees.
  for (const stream of streams) stream.catch(() => undefined);
  await callMethod(client, hooks.OnActivate, { APIMuxId: apiId, DriverMuxId: driverId });
  return implemented;
}

async function isHealthy(process: PluginProcess, timeoutMs: number): Promise<boolean> {
  const answered = process.connection.ping().then(
    () => true,
    () => false,
  );
  return Promise.race([answered, delay(timeoutMs, false, { ref: false })]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
