import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { NodeHttpClient } from './http-client.ts';

const OPTIONS = { headers: { 'X-Test': 'yes' }, timeoutMs: 5000, bodyLimitBytes: 0 };
const client = new NodeHttpClient({ memoryLimitBytes: 8 * 1024 * 1024 });
const closers: (() => void)[] = [];

after(() => {
  client.close();
  for (const close of closers) close();
});

/** A server on loopback with the given handler; resolves to its URL. */
async function serve(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler);
  return listen(server, () => server.closeAllConnections());
}

/** A server that speaks whatever the test likes. */
async function serveRaw(handler: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    handler(socket);
    socket.resume();
  });
  return listen(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

async function listen(server: net.Server, end: () => void): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    end();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

async function bodyOf(url: string, options: Partial<typeof OPTIONS> = {}): Promise<string> {
  const { body, release } = await client.get(url, { ...OPTIONS, ...options });
  const text = Buffer.from(body).toString('latin1');
  release();
  return text;
}

test('gets body, status, content type; sends the headers and asks for gzip', async () => {
  let seen: http.IncomingHttpHeaders = {};
  const url = await serve((request, response) => {
    seen = request.headers;
    response.writeHead(200, 'Fine', { 'Content-Type': 'text/plain; version=0.0.4' }).end('up 1\n');
  });
  const { status, statusText, contentType, body } = await client.get(url, OPTIONS);
  assert.deepEqual([status, statusText, contentType], [200, 'Fine', 'text/plain; version=0.0.4']);
  assert.equal(Buffer.from(body).toString(), 'up 1\n');
  assert.deepEqual([seen['x-test'], seen['accept-encoding']], ['yes', 'gzip']);
});

test('unpacks gzip, also of several members', async () => {
  const parts = ['up 1\n'.repeat(50_000), 'down 2\n'];
  const url = await serve((_, response) => {
    const packed = Buffer.concat(parts.map((part) => gzipSync(part)));
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed);
  });
  assert.equal(await bodyOf(url), parts.join(''));
});

test('what is not packed as was asked for is handed on as it is', async () => {
  const plain =
    'text/plain; version=0.0.4|utf-8|8bit|none|chunked|identity|identity, identity|br|deflate';
  for (const encoding of [...plain.split('|'), 'GZIP', 'x-gzip', 'gzip, gzip', '']) {
    for (const text of ['up 1\n', 'up 1\n'.repeat(100_000), '']) {
      const url = await serve((_, response) => {
        response.writeHead(200, { 'Content-Encoding': encoding }).end(text);
      });
      assert.equal(await bodyOf(url), text, encoding);
    }
  }
  for (const encoding of ['GZIP', 'x-gzip']) {
    const text = `up ${Math.random()}\n`.repeat(100_000);
    const url = await serve((_, response) => {
      response.writeHead(200, { 'Content-Encoding': encoding }).end(gzipSync(text));
    });
    assert.equal(await bodyOf(url), text, encoding);
  }
});

test('an empty body is a body', async () => {
  assert.equal(await bodyOf(await serve((_, response) => response.end())), '');
});

test('uses one connection for many requests, and a new one when the server has closed it', async () => {
  const sockets = new Set<unknown>();
  const url = await serve((request, response) => {
    sockets.add(request.socket);
    response.end('x');
    if (sockets.size === 1 && request.headers['x-test'] === 'last') {
      response.on('finish', () => setImmediate(() => request.socket.destroy()));
    }
  });
  for (let i = 0; i < 5; i++) assert.equal(await bodyOf(url), 'x');
  assert.equal(sockets.size, 1);
  await bodyOf(url, { headers: { 'X-Test': 'last' } });
  for (let i = 0; i < 5; i++) assert.equal(await bodyOf(url), 'x');
});

test('a kept connection that breaks under the next request is tried once more', async () => {
  let requests = 0;
  const url = await serveRaw((socket) => {
    let isFirst = true;
    socket.on('data', () => {
      requests++;
      if (isFirst) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
      else socket.resetAndDestroy();
      isFirst = false;
    });
  });
  assert.equal(await bodyOf(url), 'x');
  assert.equal(await bodyOf(url), 'x');
  assert.equal(requests, 3);
});

test('a connection on which the server speaks unasked is not used again', async () => {
  let isClosed = false;
  const url = await serveRaw((socket) => {
    socket.once('close', () => (isClosed = true));
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny'), 20);
    });
  });
  assert.equal(await bodyOf(url), 'x');
  while (!isClosed) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await bodyOf(url), 'x');
});

test('a damaged body leaves the connection in use', async () => {
  const sockets = new Set<unknown>();
  const url = await serve((request, response) => {
    sockets.add(request.socket);
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('not packed at all');
  });
  for (let i = 0; i < 3; i++) await assert.rejects(client.get(url, OPTIONS), { code: 'ERR_HTTP' });
  assert.equal(sockets.size, 1);
});

test('does not read the body of another status', async () => {
  let isClosed = false;
  const url = await serve((_, response) => {
    response.writeHead(404, 'Nöt Found'.repeat(50).replaceAll('ö', '\xf6'));
    response.write('x');
    response.on('close', () => (isClosed = true));
  });
  const { status, statusText, body } = await client.get(url, OPTIONS);
  assert.deepEqual([status, body.length, statusText.length], [404, 0, 100]);
  assert.match(statusText, /^N\?t Found/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(isClosed, 'the connection is not kept waiting');
});

test('follows ten redirects and no more', async () => {
  const url = await serve((request, response) => {
    const left = Number(new URL(request.url ?? '', 'http://x').searchParams.get('left'));
    if (left === 0) response.end('there');
    else response.writeHead(302, { Location: `/?left=${left - 1}` }).end();
  });
  assert.equal(await bodyOf(`${url}?left=10`), 'there');
  const expected = { code: 'ERR_HTTP_REDIRECTS', message: 'redirected more than 10 times' };
  await assert.rejects(client.get(`${url}?left=11`, OPTIONS), expected);
  const away = await serve((_, response) =>
    response.writeHead(302, { Location: 'file:///x' }).end(),
  );
  await assert.rejects(client.get(away, OPTIONS), { code: 'ERR_HTTP' });
});

const FAILURES: [title: string, serve: () => Promise<string>, code: string, message: RegExp][] = [
  [
    'nobody listens',
    async () => 'http://127.0.0.1:1/metrics',
    'ERR_HTTP_REFUSED',
    /^connection refused$/,
  ],
  [
    'nobody listens on any address of localhost',
    async () => 'http://localhost:1/metrics',
    'ERR_HTTP_REFUSED',
    /^connection refused$/,
  ],
  ['not a URL', async () => 'http://:::/metrics', 'ERR_HTTP', /^the request failed: /],
  [
    'the connection ends at once',
    () => serveRaw((socket) => socket.destroy()),
    'ERR_HTTP',
    /^the connection was closed before the answer was complete$/,
  ],
  [
    'a switch to another protocol',
    () =>
      serveRaw((socket) =>
        socket.write('HTTP/1.1 101 No\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'),
      ),
    'ERR_HTTP',
    /^the connection was closed before the answer was complete$/,
  ],
  [
    'something else than HTTP',
    () => serveRaw((socket) => socket.end('220 mail.example.com ESMTP\r\n')),
    'ERR_HTTP',
    /^the answer is not HTTP$/,
  ],
  [
    'endless headers',
    () =>
      serveRaw((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(1_100_000)}`);
      }),
    'ERR_HTTP',
    /^the headers of the answer are too large$/,
  ],
  [
    'a body cut short (length)',
    () => serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nup 1\n')),
    'ERR_HTTP',
    /^the connection was closed before the answer was complete$/,
  ],
  [
    'a body cut short (chunked)',
    () =>
      serveRaw((socket) =>
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nup 1\n\r\n'),
      ),
    'ERR_HTTP',
    /^the connection was closed before the answer was complete$/,
  ],
  [
    'a gzip body cut short',
    () =>
      serve((_, response) => {
        const packed = gzipSync('up 1\n'.repeat(1000));
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed.subarray(0, -12));
      }),
    'ERR_HTTP',
    /^the connection was closed before the answer was complete$/,
  ],
  [
    'a body that is not gzip though it says so',
    () =>
      serve((_, response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('up 1\n')),
    'ERR_HTTP',
    /^the compressed answer is damaged$/,
  ],
];

for (const [title, start, code, message] of FAILURES) {
  test(`says what is wrong: ${title}`, async () => {
    const url = await start();
    await assert.rejects(client.get(url, OPTIONS), { code, message });
  });
}

const SLOW: [title: string, handler: (socket: net.Socket) => void, message: string][] = [
  ['no answer', () => {}, 'no answer within 0.2 s'],
  [
    'headers and nothing more',
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'),
    'the answer was not complete within 0.2 s',
  ],
  [
    'a slow drip',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    },
    'the answer was not complete within 0.2 s',
  ],
];

for (const [title, handler, message] of SLOW) {
  test(`gives up in time: ${title}`, async () => {
    let isClosed = false;
    const url = await serveRaw((socket) => {
      socket.on('close', () => (isClosed = true));
      handler(socket);
    });
    const startMs = Date.now();
    const expected = { code: 'ERR_HTTP_TIMEOUT', message };
    await assert.rejects(client.get(url, { ...OPTIONS, timeoutMs: 200 }), expected);
    assert.ok(Date.now() - startMs < 3000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(isClosed, 'the connection was ended');
  });
}

test('localhost is reached on whichever address the server listens', async () => {
  for (const { address } of await lookup('localhost', { all: true })) {
    const server = http.createServer((_, response) => response.end(address));
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const { port } = server.address() as AddressInfo;
    try {
      assert.equal(await bodyOf(`http://localhost:${port}/metrics`), address);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }
});

test('an abort ends the exchange with its reason', async () => {
  const url = await serveRaw((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nup'));
  const controller = new AbortController();
  const reason = new Error('stop');
  const answer = client.get(url, { ...OPTIONS, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(answer, reason);
  await assert.rejects(client.get(url, { ...OPTIONS, signal: controller.signal }), reason);
});

/** Writes zeros as fast as they are taken, for ever. */
function flood(response: http.ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024);
  const push = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', push);
  push();
}

test('holds the limit of the body: exact, one more, endless, packed', async () => {
  const url = await serve((_, response) => response.end('x'.repeat(1000)));
  assert.equal((await bodyOf(url, { bodyLimitBytes: 1000 })).length, 1000);
  const expected = {
    code: 'ERR_HTTP_BODY_LIMIT',
    message: 'body is larger than the limit of 999 bytes',
  };
  await assert.rejects(client.get(url, { ...OPTIONS, bodyLimitBytes: 999 }), expected);
  const endless = await serve((_, response) => flood(response));
  const code = 'ERR_HTTP_BODY_LIMIT';
  await assert.rejects(client.get(endless, { ...OPTIONS, bodyLimitBytes: 1e6 }), { code });
  await assert.rejects(client.get(endless, OPTIONS), { code });
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024), { level: 9 });
  const packed = await serve((_, response) =>
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb),
  );
  const before = process.memoryUsage().rss;
  await assert.rejects(client.get(packed, OPTIONS), { code });
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
});

test('when bodies do not fit together, the largest goes and the others come through', async () => {
  const endless = await serve((_, response) => flood(response));
  const slow = await serve((_, response) => {
    response.write('x'.repeat(1024 * 1024));
    setTimeout(() => response.end('y'.repeat(512 * 1024)), 300);
  });
  const results = await Promise.allSettled([bodyOf(slow), bodyOf(endless), bodyOf(slow)]);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal((await bodyOf(slow)).length, 1.5 * 1024 * 1024, 'memory is back');
});
