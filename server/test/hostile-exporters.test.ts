// What exporters may do to a scraper: each costs bounded memory and time, leaves the others alone, and
// ends in a reason that a person understands.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { Target, TargetStatus } from '../src/ingest/index.ts';
import { TURN_MS_MAX, exporter, scrape, until, watchTurns } from './support/scraping.ts';

const MIB = 1024 * 1024;
/** Memory for bodies is 128 MiB; what is made of them, and garbage, comes on top. */
const GROWTH_BYTES_MAX = 400 * MIB;

const GZIP = { 'Content-Encoding': 'gzip' };
const bomb = gzipSync(Buffer.alloc(400 * MIB), { level: 9 });

type Respond = Parameters<typeof exporter>[0];
const answering =
  (body: string | Buffer): Respond =>
  (_, response) =>
    response.end(body);

/** Writes the same chunk as fast as it is taken, so often or for ever. */
function flooding(chunk: string, count = Infinity): Respond {
  return (_, response) => {
    let written = 0;
    const push = (): void => {
      while (!response.destroyed && written < count) {
        written++;
        if (!response.write(chunk)) return;
      }
      response.end();
    };
    response.on('drain', push);
    push();
  };
}

/** The same without a server's help: a head of one's own, then the same bytes for ever. */
function rawFlooding(head: string, chunk: string): Respond {
  return (request) => {
    const { socket } = request;
    const push = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.write(head);
    socket.on('drain', push);
    push();
  };
}

/** The limit of bytes or that of time: which comes first depends on the machine. */
const TOO_MUCH = /^(body is (larger than|the largest of)|the answer was not complete within 2 s)/;

const HOSTILE: [what: string, respond: Respond, reason: RegExp][] = [
  ['an endless body', flooding('endless 1\n'.repeat(10_000)), TOO_MUCH],
  [
    'an endless body in chunks of a byte',
    rawFlooding(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\n#\r\n'.repeat(10_000),
    ),
    TOO_MUCH,
  ],
  ['a gzip bomb', (_, response) => response.writeHead(200, GZIP).end(bomb), TOO_MUCH],
  [
    'a label of a megabyte',
    answering(`a{b="${'x'.repeat(MIB)}"} 1\n`),
    /^line 1: longer than the limit of 1048576 bytes/,
  ],
  [
    'a label of half of that',
    answering(`a{b="${'x'.repeat(MIB / 2)}"} 1\n`),
    /^line 1: a label value has more than 65536 bytes/,
  ],
  [
    'text that is not UTF-8',
    answering(Buffer.from('a{b="\xff"} 1\n', 'latin1')),
    /^line 1: a label value is not UTF-8 text/,
  ],
  [
    'a label twice',
    answering('a 1\na{b="1",b="2"} 1\n'),
    /^line 2: the label b stands twice in one series/,
  ],
  ['NUL bytes', answering('a 1\n\0\0\0\n'), /^line 2: expected a metric name or a comment/],
  [
    'a web page',
    (_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>\n'),
    /^line 1: .*; the answer is text\/html, not metrics$/,
  ],
  [
    'a hang after the headers',
    (_, response) => response.writeHead(200).flushHeaders(),
    /^the answer was not complete within 2 s$/,
  ],
  [
    'a slow drip',
    (_, response) => {
      const timer = setInterval(() => response.write('drip 1\n'), 20);
      response.on('close', () => clearInterval(timer));
    },
    /^the answer was not complete within 2 s$/,
  ],
  [
    'a redirect loop',
    (_, response) => response.writeHead(302, { Location: '/again' }).end(),
    /^redirected more than 10 times$/,
  ],
];

test('each kind of hostile exporter, all at once and beside a good one', async (t) => {
  let count = 0;
  const good = await exporter((_, response) => response.end(`counter ${++count}\n`));
  const hostile = await Promise.all(HOSTILE.map(([, respond]) => exporter(respond)));
  const before = process.memoryUsage().rss;
  const turns = watchTurns();
  const limits = { intervalMs: 2000, timeoutMs: 2000, bodyLimitBytes: 0 };
  const { manager, storage, end } = scrape([good, ...hostile], limits);
  const own = `counter{instance="${good.labels.instance}",job="node"}`;
  await until(manager, ({ lastScrapeMs }) => lastScrapeMs !== undefined);
  await until(manager, () => storage.values(own).length >= 3);
  const longestMs = turns.end();
  const grownBytes = process.memoryUsage().rss - before;
  const [first, ...others] = manager.targets();
  await end();
  assert.equal(first.up, true);
  HOSTILE.forEach(([what, , reason], index) => {
    assert.equal(others[index].up, false, what);
    assert.match(others[index].lastError ?? '', reason, what);
  });
  const values = storage.values(own).slice(0, -1);
  assert.deepEqual(
    values,
    values.map((_, index) => index + 1),
    'no scrape of the good one is missing',
  );
  t.diagnostic(
    `longest turn ${longestMs.toFixed(0)} ms, ${(grownBytes / MIB).toFixed(0)} MiB more`,
  );
  assert.ok(longestMs < TURN_MS_MAX, `${longestMs} ms`);
  assert.ok(grownBytes < GROWTH_BYTES_MAX, `${grownBytes} bytes`);
});

test('10 million lines are read while the others are scraped', async (t) => {
  const lines = 10_000_000;
  const chunk = 'a 1\n'.repeat(10_000);
  const huge = await exporter(flooding(chunk, lines / 10_000));
  let count = 0;
  const good = await exporter((_, response) => response.end(`counter ${++count}\n`));
  const before = process.memoryUsage().rss;
  const turns = watchTurns();
  const settings = { intervalMs: 1000, timeoutMs: 60_000, bodyLimitBytes: 0 };
  const { manager, storage, end } = scrape([huge, good], settings);
  await until(manager, ({ lastScrapeMs }) => lastScrapeMs !== undefined);
  const longestMs = turns.end();
  const grownBytes = process.memoryUsage().rss - before;
  const [status] = manager.targets();
  await end();
  assert.deepEqual([status.up, status.samples, status.lastError], [true, lines, undefined]);
  assert.ok(storage.values(`counter{instance="${good.labels.instance}",job="node"}`).length > 1);
  t.diagnostic(
    `longest turn ${longestMs.toFixed(0)} ms, ${(grownBytes / MIB).toFixed(0)} MiB more`,
  );
  assert.ok(longestMs < TURN_MS_MAX, `${longestMs} ms`);
  assert.ok(grownBytes < GROWTH_BYTES_MAX, `${grownBytes} bytes`);
});

const TARGETS = 500;
const DEAD = 400;

/** Port of a server on which every connection ends in `how`. */
function deadPort(how: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    how(socket);
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' ? (address?.port ?? 0) : 0);
    });
  });
}

test('500 targets of which 400 are dead: the others are all scraped, each time', async (t) => {
  const asked = new Map<string, number>();
  const alive = await exporter((request, response) => {
    const path = request.url ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    response.end(`counter ${asked.get(path)}\n`);
  });
  const { origin } = new URL(alive.url);
  // They refuse, hang up, never answer, and answer with an error.
  const dead = [
    'http://127.0.0.1:1',
    `http://127.0.0.1:${await deadPort((socket) => socket.destroy())}`,
    `http://127.0.0.1:${await deadPort(() => {})}`,
    `http://127.0.0.1:${await deadPort((socket) => socket.end('HTTP/1.1 500 No\r\n\r\n'))}`,
  ];
  const targets = Array.from({ length: TARGETS }, (_, i): Target => {
    const server = i < DEAD ? dead[i % dead.length] : origin;
    return { url: `${server}/${i}`, labels: { job: 'node', instance: `i${i}` } };
  });
  const before = process.memoryUsage().rss;
  const turns = watchTurns();
  const { manager, storage, end } = scrape(targets, { intervalMs: 3000, timeoutMs: 2000 });
  const isAlive = (status: TargetStatus): boolean => Number(status.instance.slice(1)) >= DEAD;
  const seen = (instance: string): number[] =>
    storage
      .values(`counter{instance="${instance}",job="node"}`)
      .filter((value) => value !== 'stale');
  await until(manager, (status) => status.lastScrapeMs !== undefined);
  await until(manager, (status) => !isAlive(status) || seen(status.instance).length >= 3);
  const longestMs = turns.end();
  const grownBytes = process.memoryUsage().rss - before;
  const states = manager.targets();
  const startMs = performance.now();
  await end();
  const stopMs = performance.now() - startMs;
  for (const { instance, lastError, up } of states.slice(0, DEAD)) {
    assert.equal(up, false, instance);
    assert.match(lastError ?? '', /refused|closed|^no answer within 2 s$|answered 500/, instance);
  }
  for (const { instance, up } of states.slice(DEAD)) {
    assert.equal(up, true, instance);
    const values = seen(instance);
    assert.deepEqual(
      values,
      values.map((_, index) => index + 1),
      `${instance} missed a scrape`,
    );
  }
  t.diagnostic(
    `longest turn ${longestMs.toFixed(0)} ms, ${(grownBytes / MIB).toFixed(0)} MiB more, stopped in ${stopMs.toFixed(0)} ms`,
  );
  assert.ok(longestMs < TURN_MS_MAX, `${longestMs} ms`);
  assert.ok(grownBytes < GROWTH_BYTES_MAX, `${grownBytes} bytes`);
});
