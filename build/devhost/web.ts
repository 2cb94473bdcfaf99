// The routes of the stand-in host. Those of a Mattermost server keep their names, so that the panel
// meets what it meets there:
//
//   GET  /                                  to /console/
//   GET  /console/, .../console.{js,css}    the page: System Console settings of the plugin
//   GET  /static/plugins/<id>/main.js       the web app's bundle of the plugin
//   GET  /api/v4/plugins                    {active: [manifest], inactive: [manifest]}
//   GET  /api/v4/plugins/webapp             [{id, webapp: {bundle_path}}] of the active plugins
//   GET  /api/v4/plugins/statuses           [{plugin_id, state}], state as a sentence
//   GET  /api/v4/config                     the configuration
//   PUT  /api/v4/config/patch               changes it, starts or stops the plugin by its
//                                           PluginStates; 400 {message} when the plugin refuses
//   GET  /api/v4/license/client             {IsLicensed: 'true'}
//   POST /api/v4/commands/execute           {command} -> {text}
//   GET  /devhost/nodes                     [{name, url, state, faults}] of all nodes
//   POST /devhost/nodes                     {node, action} -> the same; see node.ts for actions
//   *    /plugins/<id>/...                  the plugin, with the user's id in the header
//
// Everybody who reaches the page is the administrator: it listens on the loopback interface alone.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';

import { developmentPluginDir, type Manifest, record, rootDir, text } from '../manifest.ts';
import type { NodeConfig } from './config.ts';
import type { HostMetrics } from './exporter.ts';
import type { NodeControls } from './node.ts';
import type { PluginPort } from './plugin-port.ts';

/** The administrator; ids of Mattermost have 26 characters of a-z and 0-9. */
export const administratorId = 'administrator0000000000000';

/** Bodies of the host's own routes; the plugin's are streamed and have no limit. */
const bodyMaxBytes = 1024 * 1024;

export interface WebOptions {
  readonly manifest: Manifest;
  readonly config: NodeConfig;
  readonly plugin: PluginPort;
  /** The plugin on all nodes, this one's among them: they share the configuration. */
  readonly allPlugins: () => readonly PluginPort[];
  /** The other nodes, and what can be done to them. */
  readonly nodes: NodeControls;
  readonly metrics: HostMetrics;
  /** Where `bundleConsole` put the page. */
  readonly consoleDir: string;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Answers the requests of the page. */
export class Web {
  readonly #options: WebOptions;
  readonly #routes: ReadonlyMap<string, Handler>;
  readonly #pluginPrefix: string;

  constructor(options: WebOptions) {
    const { manifest, config, plugin, consoleDir } = options;
    const bundle = path.join(developmentPluginDir(manifest), manifest.webappBundle);
    const bundlePath = `/static/plugins/${manifest.id}/main.js`;
    this.#options = options;
    this.#pluginPrefix = `/plugins/${manifest.id}`;
    this.#routes = new Map<string, Handler>([
      ['GET /', (_, response) => redirect(response, '/console/')],
      ['GET /console/', file(path.join(consoleDir, 'index.html'), 'text/html')],
      ['GET /console/console.js', file(path.join(consoleDir, 'console.js'), 'text/javascript')],
      ['GET /console/console.css', file(path.join(consoleDir, 'console.css'), 'text/css')],
      [`GET ${bundlePath}`, file(bundle, 'text/javascript')],
      ['GET /api/v4/plugins', answer(pluginLists(plugin))],
      [
        'GET /api/v4/plugins/webapp',
        answer(() =>
          plugin.isActive ? [{ id: manifest.id, webapp: { bundle_path: bundlePath } }] : [],
        ),
      ],
      [
        'GET /api/v4/plugins/statuses',
        answer(() => [{ plugin_id: manifest.id, state: plugin.state }]),
      ],
      ['GET /api/v4/config', answer(() => config.config)],
      ['PUT /api/v4/config/patch', (request, response) => this.#patchConfig(request, response)],
      [
        'GET /api/v4/license/client',
        answer(() => ({ IsLicensed: 'true', SkuShortName: 'enterprise' })),
      ],
      ['POST /api/v4/commands/execute', (request, response) => this.#execute(request, response)],
      ['GET /devhost/nodes', answer(() => options.nodes.list())],
      ['POST /devhost/nodes', (request, response) => this.#control(request, response)],
    ]);
  }

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { metrics } = this.#options;
    response.on('close', () => metrics.countRequest(request.method ?? '', response.statusCode));
    try {
      await this.#route(request, response);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else await json(response, 500, { message });
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const pathname = url.split('?')[0] ?? '/';
    if (pathname === this.#pluginPrefix || pathname.startsWith(`${this.#pluginPrefix}/`)) {
      await this.#servePlugin(request, response, url.slice(this.#pluginPrefix.length) || '/');
      return;
    }
    const handler = this.#routes.get(`${request.method ?? 'GET'} ${pathname}`);
    if (handler === undefined) await json(response, 404, { message: `no route ${pathname}` });
    else await handler(request, response);
  }

  /** The user's id comes from the host alone, whatever a request says. */
  async #servePlugin(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
  ): Promise<void> {
    delete request.headers['mattermost-plugin-id'];
    delete request.headers.cookie;
    request.headers['mattermost-user-id'] = administratorId;
    await this.#options.plugin.serveHttp(request, response, url);
  }

  async #patchConfig(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { config, plugin, allPlugins } = this.#options;
    const wanted = config.patched(record(await readJson(request), 'configuration'));
    const refusal = await plugin.configurationWillBeSaved(wanted);
    if (refusal !== undefined) {
      await json(response, 400, { message: refusal });
      return;
    }
    config.save(wanted);
    for (const each of allPlugins()) {
      await each.setEnabled(config.pluginEnabled);
      await each.configurationChanged();
    }
    await json(response, 200, config.config);
  }

  async #control(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { node, action } = record(await readJson(request), 'control');
    await this.#options.nodes.perform(text(node, 'node'), text(action, 'action'));
    await json(response, 200, this.#options.nodes.list());
  }

  async #execute(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { command } = record(await readJson(request), 'command');
    await json(response, 200, await this.#options.plugin.executeCommand(text(command, 'command')));
  }
}

/** What `value` says at the time of the request, as JSON. */
function answer(value: () => unknown): Handler {
  return (_, response) => json(response, 200, value());
}

function pluginLists(plugin: PluginPort): () => unknown {
  const manifest: unknown = JSON.parse(readFileSync(path.join(rootDir, 'plugin.json'), 'utf8'));
  return () =>
    plugin.isActive ? { active: [manifest], inactive: [] } : { active: [], inactive: [manifest] };
}

function redirect(response: ServerResponse, location: string): Promise<void> {
  response.writeHead(302, { Location: location }).end();
  return Promise.resolve();
}

function file(name: string, type: string): Handler {
  return async (_, response) => send(response, 200, type, await readFile(name));
}

function json(response: ServerResponse, status: number, value: unknown): Promise<void> {
  send(response, status, 'application/json', JSON.stringify(value));
  return Promise.resolve();
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
): void {
  response.writeHead(status, {
    'Content-Type': `${type}; charset=utf-8`,
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) {
    body += String(piece);
    if (body.length > bodyMaxBytes) throw new Error('the body is too large');
  }
  return JSON.parse(body);
}
