// Where redirects lead a scrape, and what is told of the answers there.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo, LookupFunction } from 'node:net';
import { after, test } from 'node:test';

import { silentLogger } from '../base/log.ts';
import { ScrapeManager } from '../ingest/index.ts';
import { RecordingStorage } from '../../test/kits/recording-storage.ts';
import { systemClock } from './system-clock.ts';
import { NodeHttpClient } from './http-client.ts';

const OPTIONS = { headers: { Authorization: 'Bearer x' }, timeoutMs: 5000, bodyLimitBytes: 0 };

/** Names of the test; others are on this machine. */
const NAMES: Readonly<Record<string, string[]>> = {
  'metadata.test': ['169.254.169.254'],
  'metadata6.test': ['fd00:ec2::254', '::ffff:169.254.169.254', 'fe80::1'],
  'both.test': ['169.254.169.254', '127.0.0.1'],
};
const lookup: LookupFunction = (host, options, callback) => {
  const found = NAMES[host] ?? ['127.0.0.1'];
  const all = found.map((address) => ({ address, family: net.isIP(address) }));
  if (options.all === true) callback(null, all);
  else callback(null, all[0].address, all[0].family);
};
const client = new NodeHttpClient({ lookup });
const closers: (() => void)[] = [() => client.close()];
after(() => closers.forEach((close) => close()));

async function serve(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const redirectTo = (location: string): Promise<string> =>
  serve((_, response) => response.writeHead(302, { Location: location }).end());

test('a redirect to a link-local address is not followed, however it is written or found', async () => {
  const locations = [
    'http://169.254.169.254/latest/meta-data/',
    '//169.254.1.2:9100/metrics',
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'https://[fe80::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/',
    'http://metadata.test/',
    'http://metadata6.test/',
    'http://metadata.test./'.replace('test.', 'test'),
  ];
  for (const location of locations) {
    const expected = {
      code: 'ERR_HTTP_REDIRECT_REFUSED',
      message: 'redirected to a link-local address, which is not followed',
    };
    await assert.rejects(client.get(await redirectTo(location), OPTIONS), expected, location);
    const twice = await redirectTo(await redirectTo(location));
    await assert.rejects(client.get(twice, OPTIONS), expected, location);
  }
});

test('a redirect leads to any other host, without secrets and without quoting what it says', async () => {
  let seen: http.IncomingHttpHeaders = {};
  const there = await serve((request, response) => {
    seen = request.headers;
    response.end('up 1\n');
  });
  const { port } = new URL(there);
  for (const location of [there, `http://both.test:${port}/x`, `http://other.test:${port}/`]) {
    const { body, isForeign } = await client.get(await redirectTo(location), OPTIONS);
    assert.deepEqual([Buffer.from(body).toString(), isForeign], ['up 1\n', true]);
    assert.equal(seen.authorization, undefined);
  }
  const own = await serve((request, response) => {
    seen = request.headers;
    if (request.url === '/there') response.end('up 1\n');
    else response.writeHead(301, { Location: '/there' }).end();
  });
  assert.equal((await client.get(own, OPTIONS)).isForeign, false);
  assert.equal(seen.authorization, 'Bearer x');
});

test('a redirect without a place is an answer, and one to no address of HTTP is refused', async () => {
  assert.equal((await client.get(await redirectTo(''), OPTIONS)).status, 302);
  for (const location of ['ftp://x/', 'http://', 'javascript:alert(1)']) {
    const message = 'redirected to something that is no address of HTTP';
    await assert.rejects(client.get(await redirectTo(location), OPTIONS), {
      code: 'ERR_HTTP',
      message,
    });
  }
});

test('nothing of an answer from another origin is shown or logged', async () => {
  const secret = 'SECRET';
  const foreign: [http.RequestListener, RegExp][] = [
    [(_, response) => response.end(`{"${secret}": 1}`), /not shown/],
    [(_, response) => response.end(`a{${secret}="1",${secret}="2"} 1\n`), /not shown/],
    [(_, response) => response.end(`# TYPE a ${secret}\na ${secret}\n`), /not shown/],
    [(_, response) => response.writeHead(200, { 'Content-Type': secret }).end('?'), /not shown/],
    [(_, response) => response.writeHead(403, secret).end(secret), /^answered 403$/],
    [
      ({ socket }) => socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: ${secret}\r\n\r\n`),
      /transfer encoding/,
    ],
    [({ socket }) => socket.end(`${secret}\r\n\r\n`), /not HTTP/],
  ];
  for (const [handler, reason] of foreign) {
    const url = await redirectTo(await serve(handler));
    const said: string[] = [];
    const note = (message: string, fields: object = {}): void => {
      said.push(message + JSON.stringify(fields));
    };
    const logger = { ...silentLogger, debug: note, info: note, warn: note, error: note };
    const storage = new RecordingStorage();
    const parts = { http: client, appendable: storage, clock: systemClock, logger };
    const manager = new ScrapeManager(parts);
    const target = { url, labels: { job: 'extra', instance: 'x' } };
    const settings = { intervalMs: 200, sampleLimit: 0, honorTimestamps: true, bodyLimitBytes: 0 };
    const labelLimits = { count: 0, nameBytes: 0, valueBytes: 0 };
    manager.apply({ ...settings, timeoutMs: 5000, labelLimits }, [target]);
    while (manager.targets()[0].lastScrapeMs === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [status] = manager.targets();
    await manager.stop();
    assert.match(status.lastError ?? '', reason);
    assert.ok(said.length > 0 && !said.join().includes(secret), said.join('\n'));
    assert.ok(!JSON.stringify(status).includes(secret), JSON.stringify(status));
  }
});

test('a redirect is followed by the bytes that it has, in whatever alphabet', async () => {
  const asked: (string | undefined)[] = [];
  const origin = await serve(({ url, socket }, response) => {
    asked.push(url);
    if (url !== '/') response.end('a 1\n');
    else socket.end('HTTP/1.1 302 Found\r\nLocation: /métriques?a=ü\r\nContent-Length: 0\r\n\r\n');
  });
  const { status } = await client.get(`${origin}/`, OPTIONS);
  assert.deepEqual([status, asked], [200, ['/', '/m%c3%a9triques?a=%c3%bc']]);
});
