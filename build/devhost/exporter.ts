// A live exporter: the figures of this very process in Prometheus' text format, under the names that
// a Mattermost server uses where it has the same figure.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly { readonly labels?: string; readonly value: number }[];
}

/** Counts what the stand-in host does. */
export class HostMetrics {
  readonly #requests = new Map<string, number>();
  readonly #startMs = Date.now();
  pluginRestarts = 0;

  countRequest(method: string, status: number): void {
    const labels = `method="${method}",status_code="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  render(): string {
    const lines = this.#metrics().flatMap(({ name, help, type, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ labels, value }) => `${name}${labels ? `{${labels}}` : ''} ${value}`),
    ]);
    return `${lines.join('\n')}\n`;
  }

  #metrics(): Metric[] {
    const cpu = process.cpuUsage();
    const memory = process.memoryUsage();
    const gauge = (name: string, help: string, value: number): Metric => ({
      name,
      help,
      type: 'gauge',
      samples: [{ value }],
    });
    const counter = (name: string, help: string, samples: Metric['samples']): Metric => ({
      name,
      help,
      type: 'counter',
      samples,
    });
    return [
      counter('process_cpu_seconds_total', 'CPU time of the host.', [
        { value: (cpu.user + cpu.system) / 1e6 },
      ]),
      gauge('process_resident_memory_bytes', 'Resident memory of the host.', memory.rss),
      gauge('process_start_time_seconds', 'Unix time of the start.', this.#startMs / 1000),
      gauge('nodejs_heap_used_bytes', 'Used part of the JavaScript heap.', memory.heapUsed),
      counter(
        'mattermost_http_requests_total',
        'Requests that were answered.',
        [...this.#requests].map(([labels, value]) => ({ labels, value })),
      ),
      counter('devhost_plugin_restarts_total', 'Starts of the plugin after a failure.', [
        { value: this.pluginRestarts },
      ]),
    ];
  }
}

export interface Exporter {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Serves `/metrics`, and the metrics of plugins by their paths, on the loopback interface, on a port
 * of the kernel's choice.
 */
export async function startExporter(
  metrics: HostMetrics,
  plugins: ReadonlyMap<string, Answer> = new Map(),
  address = '127.0.0.1',
  port = 0,
): Promise<Exporter> {
  const server = createServer((request, response) => {
    const answer = plugins.get(request.url ?? '');
    if (answer !== undefined) {
      answer(request, response).catch(() => response.destroy());
      return;
    }
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(metrics.render());
  });
  return { port: await listen(server, port, address), close: () => closeServer(server) };
}

/** Listens on the loopback interface; port 0 asks the kernel for a free one. */
export function listen(server: Server, port = 0, address = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      const bound = server.address() as AddressInfo;
      resolve(bound.port);
    });
  });
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
