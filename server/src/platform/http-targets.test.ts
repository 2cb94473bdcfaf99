import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, test } from 'node:test';

import { NodeHttpClient } from './http-client.ts';
import { connectHost, serverOf, zonedUrl } from './zoned-url.ts';

const OPTIONS = { headers: {}, timeoutMs: 5000, bodyLimitBytes: 0 };
const client = new NodeHttpClient();
const servers: http.Server[] = [];

after(() => {
  client.close();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

interface Seen {
  readonly path: string;
  readonly host: string | undefined;
  readonly authorization: string | undefined;
}

/** A server that redirects as `locations` say, and notes what it was asked. */
async function serve(locations: Readonly<Record<string, string>>, host = '127.0.0.1') {
  const seen: Seen[] = [];
  const server = http.createServer(({ url: path = '', headers }, response) => {
    seen.push({ path, host: headers.host, authorization: headers.authorization });
    const location = locations[path];
    if (location === undefined) response.end('up 1\n');
    else response.writeHead(302, { Location: location }).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, host, resolve);
  });
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  return { seen, port, origin: `http://127.0.0.1:${port}` };
}

const authorizations = (seen: readonly Seen[]): unknown[] =>
  seen.map(({ path, authorization }) => [path, authorization]);

test('a credential goes to the target and where it redirects within its own origin', async () => {
  const { seen, origin } = await serve({ '/a': '/b', '/b': 'c' });
  await client.get(`${origin}/a`, { ...OPTIONS, headers: { Authorization: 'Bearer S3cret' } });
  await client.get(`${origin}/d`, OPTIONS);
  assert.deepEqual(authorizations(seen), [
    ['/a', 'Bearer S3cret'],
    ['/b', 'Bearer S3cret'],
    ['/c', 'Bearer S3cret'],
    ['/d', undefined],
  ]);
});

test('a credential goes to no other host, port or protocol, and not back from there', async () => {
  const locations: Record<string, string> = { '/back': '/x' };
  const other = await serve(locations);
  const own = await serve({
    '/port': `${other.origin}/away`,
    '/host': `${other.origin.replace('127.0.0.1', 'localhost')}/away`,
    '/round': `${other.origin}/round`,
  });
  locations['/round'] = `${own.origin}/home`;
  for (const path of ['/port', '/host', '/round']) {
    await client.get(`${own.origin}${path}`, {
      ...OPTIONS,
      headers: { Authorization: 'Basic S3cret' },
    });
  }
  assert.deepEqual(
    other.seen.map(({ authorization }) => authorization),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(authorizations(own.seen).at(-1), ['/home', undefined]);
});

const loopback = Object.entries(networkInterfaces()).find(([, addresses = []]) =>
  addresses.some(({ address }) => address === '::1'),
)?.[0];

test(
  'a zone is connected to, stays with its host, and is not in the Host header',
  { skip: loopback === undefined && 'this machine has no IPv6' },
  async () => {
    const { seen, port } = await serve({ '/a': '/b' }, '::1');
    await client.get(`http://[::1%25${loopback}]:${port}/a`, OPTIONS);
    assert.deepEqual(
      seen.map(({ path, host }) => [path, host]),
      [
        ['/a', `[::1]:${port}`],
        ['/b', `[::1]:${port}`],
      ],
    );
  },
);

test('the same address behind two interfaces is two servers', () => {
  const first = zonedUrl('http://[fe80::1%25eth0]:1/a?b=%25c');
  assert.deepEqual(
    [connectHost(first), serverOf(first), first.search],
    ['fe80::1%eth0', 'http://[fe80::1]:1%eth0', '?b=%25c'],
  );
  assert.notEqual(serverOf(first), serverOf(zonedUrl('http://[fe80::1%25eth1]:1/a')));
  assert.equal(serverOf(zonedUrl('/x', first)), serverOf(first));
  assert.equal(serverOf(zonedUrl('http://[fe80::1]:1/x', first)), serverOf(first));
  assert.equal(connectHost(zonedUrl('http://[fe80::1%25eth1]:1/', first)), 'fe80::1%eth1');
  assert.equal(connectHost(zonedUrl('http://app1/', first)), 'app1');
  assert.equal(serverOf(zonedUrl('http://app1:1/')), 'http://app1:1');
  assert.throws(() => zonedUrl('http://[fe80::1%]/'));
});
