// As much of a Mattermost server as the stand-in for the System Console asks for.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { json } from 'node:stream/consumers';

import manifest from '../../plugin.json' with { type: 'json' };
import { FakePlugin } from './fake_plugin.ts';

const MIME_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
};

const BUNDLE_ROUTE = `/static/${manifest.id}/main.js`;

interface Options {
  /** Where bundleConsole put the page. */
  consoleDir: string;
  bundleFile: string;
  /** E.g. `/chat`. */
  subPath?: string;
}

export class FakeServer {
  readonly plugin = new FakePlugin(manifest.version);
  readonly patches: unknown[] = [];
  readonly #options: Options;
  readonly #http: Server;

  private constructor(options: Options) {
    this.#options = options;
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  static async start(options: Options): Promise<FakeServer> {
    const server = new FakeServer(options);
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get origin(): string {
    const address = this.#http.address() as AddressInfo;
    return `http://127.0.0.1:${address.port}`;
  }

  get consoleUrl(): string {
    return `${this.origin}${this.#options.subPath ?? ''}/console/`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const base = this.#options.subPath ?? '';
    const { pathname } = new URL(request.url ?? '/', this.origin);
    if (!pathname.startsWith(`${base}/`)) {
      response.writeHead(404).end();
      return;
    }
    const route = pathname.slice(base.length);
    const pluginPrefix = `/plugins/${manifest.id}`;
    if (route.startsWith(pluginPrefix)) {
      await this.plugin.answer(request, response, route.slice(pluginPrefix.length));
    } else if (route.startsWith('/api/v4/')) {
      await this.#answerApi(request, response, `${request.method} ${route.slice(7)}`);
    } else if (route === BUNDLE_ROUTE) {
      await sendFile(response, this.#options.bundleFile);
    } else {
      const name = path.basename(route === '/console/' ? 'index.html' : route);
      await sendFile(response, path.join(this.#options.consoleDir, name));
    }
  }

  async #answerApi(request: IncomingMessage, response: ServerResponse, route: string) {
    const answers: Record<string, () => unknown> = {
      'GET /plugins': () => ({ active: [manifest], inactive: [] }),
      'GET /plugins/webapp': () => [{ id: manifest.id, webapp: { bundle_path: BUNDLE_ROUTE } }],
      'GET /config': () => config(),
      'GET /license/client': () => ({ IsLicensed: 'true' }),
      'PUT /config/patch': async () => {
        this.patches.push(await json(request));
        return config();
      },
    };
    const answer = answers[route];
    response.writeHead(answer === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify((await answer?.()) ?? { message: 'no such route' }));
  }
}

function config() {
  return {
    PluginSettings: {
      Plugins: { [manifest.id]: { dbpath: 'mattermost-plugin-metrics/data' } },
      PluginStates: { [manifest.id]: { Enable: true } },
    },
  };
}

async function sendFile(response: ServerResponse, file: string): Promise<void> {
  const type = MIME_TYPES[path.extname(file)] ?? 'application/octet-stream';
  const headers: Record<string, string> = { 'Content-Type': type };
  if (type === 'text/html') {
    headers['Set-Cookie'] = 'MMCSRF=token-of-the-session; Path=/';
  }
  const bytes = await readFile(file);
  response.writeHead(200, headers).end(bytes);
}
