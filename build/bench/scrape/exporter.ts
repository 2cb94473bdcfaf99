// The load: application servers on loopback ports, one number of targets and one of series given as
// arguments. Tells its parent the ports; asked by any message, tells how many samples it has served.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { AppNode } from './app-node.ts';

const [targetCount, seriesCount] = process.argv.slice(2).map(Number);
const HEADERS = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' };
let samples = 0;

/** Bodies are made between two scrapes, so that both scrapers get them at once. */
async function listen(node: AppNode): Promise<number> {
  let body = node.body();
  let packed = gzipSync(body);
  const server = http.createServer((request, response) => {
    const wantsGzip = (request.headers['accept-encoding'] ?? '').includes('gzip');
    const bytes = wantsGzip ? packed : body;
    const encoding = wantsGzip ? { 'Content-Encoding': 'gzip' } : {};
    response.writeHead(200, { ...HEADERS, ...encoding, 'Content-Length': bytes.length }).end(bytes);
    samples += node.seriesCount;
    setImmediate(() => {
      node.advance();
      body = node.body();
      packed = gzipSync(body);
    });
  });
  server.keepAliveTimeout = 300_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const ports: number[] = [];
for (let seed = 1; seed <= targetCount; seed++) {
  ports.push(await listen(new AppNode(seriesCount, seed)));
}
process.on('message', () => process.send?.({ samples }));
process.send?.({ ports });
