import type { HttpRequest, HttpResponse } from './types.ts';

/** The plugin's metrics about itself, as text. */
export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

/** Below `/plugins/<id>/metrics` of the server's metrics listener, and what the server asks itself. */
const PATHS = new Set(['', '/', '/metrics']);

/**
 * Answers the server's metrics listener, which asks nobody who he is. The server may do it while it
 * answers a scrape of ours, so nothing here waits for anybody.
 */
export async function serveMetrics(
  source: MetricsSource,
  request: Pick<HttpRequest, 'method' | 'url'>,
  response: HttpResponse,
): Promise<void> {
  const [path] = request.url.split('?');
  if (!PATHS.has(path)) {
    await response.writeHead(404);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.header.set('Allow', 'GET, HEAD');
    await response.writeHead(405);
    return;
  }
  const body = new TextEncoder().encode(await source.render());
  response.header.set('Content-Type', source.contentType);
  response.header.set('Content-Length', String(body.length));
  response.header.set('Cache-Control', 'no-store');
  response.header.set('X-Content-Type-Options', 'nosniff');
  // The first write sends the head as well, and saves a round trip to the server.
  if (request.method === 'GET') await response.write(body);
  else await response.writeHead(200);
}
