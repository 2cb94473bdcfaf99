import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { Target } from '../src/ingest/index.ts';
import { TURN_MS_MAX, exporter, scrape, until, watchTurns } from './support/scraping.ts';

/** Of a body of 10 MB. */
const SERIES = 60_000;

function bodyOf(series: number, value: number, padding = ''): string {
  let text = '# HELP load_total Some load.\n# TYPE load_total counter\n';
  for (let i = 0; i < series; i++)
    text += `load_total{shard="${i % 97}",id="${i}",path="${padding}"} ${value + i}\n`;
  return text;
}

test('good and hostile exporters side by side: each with its reason, the good ones unharmed', async () => {
  let counter = 0;
  const good = await exporter((_, response) => response.end(`up_since 1\ncounter ${++counter}\n`));
  const packed = await exporter((_, response) => {
    const body = gzipSync(bodyOf(1000, counter));
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(body);
  });
  const hostile: [Target, RegExp][] = [
    [await exporter((_, response) => response.writeHead(404).end('x')), /^answered 404 Not Found$/],
    [
      await exporter((_, response) => response.end('<!doctype html>\n')),
      /^line 1: expected a metric name or a comment, found "<!doctype html>"$/,
    ],
    [
      await exporter((_, response) => {
        const chunk = 'endless 1\n'.repeat(10_000);
        const push = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', push);
        push();
      }),
      /^body is larger than the limit of 1000000 bytes$/,
    ],
    [
      await exporter((_, response) => {
        const timer = setInterval(() => response.write('drip 1\n'), 20);
        response.on('close', () => clearInterval(timer));
      }),
      /^the answer was not complete within 0\.4 s$/,
    ],
    [await exporter(() => {}), /^no answer within 0\.4 s$/],
    [
      { url: 'http://127.0.0.1:1/metrics', labels: { job: 'node', instance: '127.0.0.1:1' } },
      /^connection refused$/,
    ],
  ];
  const targets = [good, packed, ...hostile.map(([target]) => target)];
  const { manager, storage, end } = scrape(targets, { bodyLimitBytes: 1_000_000 });
  const own = `{instance="${good.labels.instance}",job="node"}`;
  await until(manager, ({ lastScrapeMs }) => lastScrapeMs !== undefined);
  await until(manager, () => storage.values(`counter${own}`).length >= 4);
  const [first, second, ...others] = manager.targets();
  assert.deepEqual([first.up, first.samples, second.up, second.samples], [true, 2, true, 1000]);
  for (const [index, [, reason]] of hostile.entries()) {
    assert.equal(others[index].up, false);
    assert.match(others[index].lastError ?? '', reason);
  }
  await end();
  const values = storage.values(`counter${own}`);
  assert.deepEqual(
    values.slice(0, -1),
    values.slice(0, -1).map((_, i) => i + 1),
  );
  assert.equal(values.at(-1), 'stale');
  const times = storage.samples(`counter${own}`).map(({ timestampMs }) => timestampMs);
  assert.ok(times.every((time, i) => i === 0 || time > times[i - 1]));
});

test('an exporter that goes away and comes back needs no help', async () => {
  let isUp = true;
  const target = await exporter((request, response) => {
    if (isUp) response.end('a 1\n');
    else request.socket.destroy();
  });
  const { manager, storage, end } = scrape([target]);
  await until(manager, ({ up }) => up);
  isUp = false;
  await until(manager, ({ lastError }) => lastError !== undefined);
  const closed = 'the connection was closed before the answer was complete';
  assert.equal(manager.targets()[0].lastError, closed);
  isUp = true;
  await until(manager, ({ up }) => up);
  await end();
  const values = storage.values(`a{instance="${target.labels.instance}",job="node"}`);
  const changes = values.filter((value, i) => i === 0 || value !== values[i - 1]);
  assert.deepEqual(changes, [1, 'stale', 1, 'stale']);
});

test('answers of 10 MB from three targets at once leave the event loop free', async (t) => {
  const body = Buffer.from(bodyOf(SERIES, 1, 'x'.repeat(120)));
  const targets = await Promise.all(
    [1, 2, 3].map(() => exporter((_, response) => response.end(body))),
  );
  const turns = watchTurns();
  // Both would keep the process alive after a failure.
  t.after(turns.end);
  const { manager, end } = scrape(targets, { intervalMs: 60_000, timeoutMs: 60_000 });
  t.after(end);
  await until(manager, ({ up }) => up);
  const longestMs = turns.end();
  const what = `${body.length} bytes each, ${SERIES} new series`;
  t.diagnostic(`${what}; longest turn ${longestMs.toFixed(0)} ms of CPU time`);
  assert.ok(longestMs < TURN_MS_MAX, `${longestMs} ms`);
});
