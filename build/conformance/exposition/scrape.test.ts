// Prometheus and our scraper read the same exporter, which answers the n-th scrape of each of them
// alike. Afterwards both storages hold the same series with the same values in the same order, stale
// markers included.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { silentLogger } from '../../../server/src/base/log.ts';
import { ScrapeManager } from '../../../server/src/ingest/index.ts';
import { NodeHttpClient } from '../../../server/src/platform/http-client.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { RecordingStorage } from '../../../server/test/kits/recording-storage.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { missingTools, requireTool, tools } from '../../support/tools.ts';
import { waitUntil } from '../../support/wait.ts';

const INTERVAL_MS = 400;
const TIMEOUT_MS = 300;
const SAMPLE_LIMIT = 6;
const SKIP = process.env['CI'] === 'true' ? false : (missingTools([tools.prometheus])[0] ?? false);

/** A body, a packed body, or a status; {@link NEVER} is no answer at all. */
type Answer = string | Buffer | number;
const NEVER = 0;

/** The exporter's life, one answer per scrape; the last one is repeated. */
function lifeOf(startMs: number): Answer[] {
  return [
    '# HELP a Some text.\n# TYPE a counter\na 1\nb 1\n',
    'a 2\n',
    'a 3\nb 3\n',
    500,
    'a 4\nb 4\n',
    'garbage\na 5\nb 5\n',
    'a 6\nc{job="x",instance="y",exported_job="z"} 1\n',
    'd{x="1",y="2"} 1\n',
    'd{y="2", x="1"} 2\n',
    `e 1 ${startMs + 1000}\na 7\n`,
    'a 8\n',
    `e 2 ${startMs + 1001}\ne 3 ${startMs + 500}\na 9\n`,
    'f 1\nf 2\nf 1\n',
    '',
    'a NaN\nb +Inf\nf -0\n',
    Array.from({ length: SAMPLE_LIMIT + 1 }, (_, i) => `g{i="${i}"} 1\n`).join(''),
    gzipSync('a 10\nb 10\n'),
    NEVER,
    'a 11\nb{empty=""} 11\n',
    'a{l="1",l="2"} 12\n',
    404,
    404,
    'a 13',
    'end_of_test 1\n',
  ];
}

interface Exporter {
  readonly address: string;
  /** How often the scraper of this name has asked. */
  readonly asked: (scraper: string) => number;
  readonly close: () => void;
}

async function exporter(life: Answer[]): Promise<Exporter> {
  const counts = new Map<string, number>();
  const server = http.createServer((request, response) => {
    const scraper = (request.headers['user-agent'] ?? '').split('/')[0];
    const count = counts.get(scraper) ?? 0;
    counts.set(scraper, count + 1);
    const answer = life[Math.min(count, life.length - 1)];
    if (answer === NEVER) return;
    if (typeof answer === 'number') response.writeHead(answer).end('x');
    else if (typeof answer === 'string') response.end(answer);
    else response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, asked: (scraper) => counts.get(scraper) ?? 0, close };
}

type Values = Record<string, string[]>;

/**
 * Sorted, without durations, which differ, and without one thing that Prometheus does and we do not:
 * what it has read of a scrape before that failed counts as alive, so that such series get their
 * stale marker one scrape too late, even when none of their samples was ever stored.
 */
function comparable(values: Values): Values {
  const isUseful = ([name, all]: [string, string[]]): boolean =>
    !name.startsWith('scrape_duration') && all.some((value) => value !== 'NaN');
  return Object.fromEntries(Object.entries(values).filter(isUseful).sort());
}

/** What Prometheus has scraped into `directory` until the exporter's last answer. */
async function prometheusScrapes(directory: string, { address, asked }: Exporter): Promise<Values> {
  const config = join(directory, 'prometheus.yml');
  writeFileSync(
    config,
    `scrape_configs:
  - job_name: node
    scrape_interval: ${INTERVAL_MS}ms
    scrape_timeout: ${TIMEOUT_MS}ms
    sample_limit: ${SAMPLE_LIMIT}
    static_configs: [{targets: ['${address}']}]
`,
  );
  const program = requireTool(tools.prometheus);
  const data = join(directory, 'data');
  const options = ['--web.listen-address=127.0.0.1:0', `--storage.tsdb.path=${data}`];
  const child = spawn(program, [`--config.file=${config}`, ...options], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    const enough = lifeOf(0).length + 2;
    await waitUntil('Prometheus to end', () => asked('Prometheus') > enough, 60_000);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
  const dump = execFileSync('promtool', ['tsdb', 'dump', data]).toString();
  return dumped(dump);
}

function dumped(dump: string): Values {
  const series = new Map<string, { timeMs: number; value: string }[]>();
  for (const line of dump.trimEnd().split('\n')) {
    const [, labels, value, time] = /^\{(.*)\} (\S+) (\d+)$/.exec(line) ?? [];
    const name = seriesName(labels);
    series.set(name, [...(series.get(name) ?? []), { timeMs: Number(time), value }]);
  }
  return untilEnd(series);
}

/** The values of what was scraped before the exporter's last answer. */
function untilEnd(series: Map<string, { timeMs: number; value: string }[]>): Values {
  const last = [...series].find(([name]) => name.startsWith('end_of_test{'));
  const endMs = last?.[1][0].timeMs;
  assert.ok(endMs !== undefined, 'the exporter was scraped to its end');
  const values: Values = {};
  for (const [name, samples] of series) {
    const kept = samples.filter(({ timeMs }) => timeMs < endMs).map(({ value }) => value);
    if (kept.length > 0) values[name] = kept;
  }
  return values;
}

/** `__name__="a", b="c"` as `a{b="c"}`. */
function seriesName(labels: string): string {
  const [first, ...rest] = labels.split(', ');
  return `${first.slice('__name__="'.length, -1)}{${rest.join(',')}}`;
}

async function weScrape(address: string): Promise<Values> {
  const client = new NodeHttpClient();
  const storage = new RecordingStorage();
  const parts = { http: client, appendable: storage, clock: systemClock, logger: silentLogger };
  const manager = new ScrapeManager({ ...parts, userAgent: 'ours' });
  const settings = {
    intervalMs: INTERVAL_MS,
    timeoutMs: TIMEOUT_MS,
    bodyLimitBytes: 0,
    sampleLimit: SAMPLE_LIMIT,
    honorTimestamps: true,
  };
  const labels = { job: 'node', instance: address };
  manager.apply(settings, [{ url: `http://${address}/metrics`, labels }]);
  const end = `end_of_test{instance="${address}",job="node"}`;
  await waitUntil('our last scrape', () => storage.samples(end).length > 0, 60_000);
  await manager.stop();
  client.close();
  const series = new Map<string, { timeMs: number; value: string }[]>();
  for (const name of storage.names()) {
    const samples = storage.samples(name).map(({ timestampMs, value }) => ({
      timeMs: timestampMs,
      value: valueText(value),
    }));
    series.set(name, samples);
  }
  return untilEnd(series);
}

/** As promtool writes it; it shows a stale marker as the NaN that it is. */
function valueText(value: number | 'stale'): string {
  if (value === 'stale') return 'NaN';
  if (Object.is(value, -0)) return '-0';
  if (value === Infinity) return '+Inf';
  return String(value);
}

test(
  'scrapes come out as in Prometheus, series by series and value by value',
  { skip: SKIP },
  async (t) => {
    const target = await exporter(lifeOf(Date.now()));
    try {
      const directory = temporaryDir('prometheus-scrape');
      const [theirs, ours] = await Promise.all([
        prometheusScrapes(directory, target),
        weScrape(target.address),
      ]);
      assert.deepEqual(comparable(ours), comparable(theirs));
      const samples = Object.values(theirs).reduce((sum, values) => sum + values.length, 0);
      t.diagnostic(`${Object.keys(theirs).length} series, ${samples} samples`);
    } finally {
      target.close();
    }
  },
);
