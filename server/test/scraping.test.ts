import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { silentLogger } from '../src/base/log.ts';
import { ScrapeManager } from '../src/ingest/index.ts';
import type { ScrapeSettings, Target, TargetStatus } from '../src/ingest/index.ts';
import { NodeHttpClient } from '../src/platform/http-client.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { RecordingStorage } from './kits/recording-storage.ts';

const SETTINGS: ScrapeSettings = {
  intervalMs: 500,
  timeoutMs: 400,
  bodyLimitBytes: 64 * 1024 * 1024,
  sampleLimit: 0,
  honorTimestamps: true,
};
/** No turn of the event loop may take longer than this, by design. */
const TURN_MS_MAX = 100;
/** Of a body of 10 MB. */
const SERIES = 60_000;

const closers: (() => void)[] = [];
after(() => closers.forEach((close) => close()));

async function exporter(handler: http.RequestListener): Promise<Target> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const instance = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `http://${instance}/metrics`, labels: { job: 'node', instance } };
}

interface Running {
  readonly manager: ScrapeManager;
  readonly storage: RecordingStorage;
  readonly end: () => Promise<void>;
}

function scrape(targets: Target[], settings: Partial<ScrapeSettings> = {}): Running {
  const client = new NodeHttpClient();
  const storage = new RecordingStorage();
  const parts = { http: client, appendable: storage, clock: systemClock, logger: silentLogger };
  const manager = new ScrapeManager(parts);
  manager.apply({ ...SETTINGS, ...settings }, targets);
  const end = async (): Promise<void> => {
    await manager.stop();
    client.close();
  };
  return { manager, storage, end };
}

/** Waits until `isDone` holds for all targets. */
async function until(
  manager: ScrapeManager,
  isDone: (status: TargetStatus) => boolean,
): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!manager.targets().every(isDone)) {
    assert.ok(Date.now() < endMs, JSON.stringify(manager.targets()));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Measures how long the turns of the event loop take, in CPU time of this thread: other processes
 * that want the same cores do not count.
 */
function watchTurns(): { end: () => number } {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let lastMs = cpuMs();
  let longestMs = 0;
  let isOn = true;
  const look = (): void => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    if (isOn) setImmediate(look);
  };
  look();
  return {
    end: () => {
      isOn = false;
      return longestMs;
    },
  };
}

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
