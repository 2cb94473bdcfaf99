// Two scrapers on the same exporters, and what each of them has on disk afterwards.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';

import { silentLogger } from '../../../server/src/base/log.ts';
import { ScrapeManager } from '../../../server/src/ingest/index.ts';
import { formatLabels } from '../../../server/src/model/labels.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { NodeHttpClient } from '../../../server/src/platform/http-client.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { Db, ReadOnlyDb, parseSelector } from '../../../server/src/tsdb/index.ts';
import { inlineTasks } from '../../../server/test/support/inline-tasks.ts';
import { bitsOf } from '../../../server/test/support/tsdb-samples.ts';
import { closeServer, listen } from '../../devhost/exporter.ts';
import { requireTool, tools } from '../../support/tools.ts';
import { waitUntil } from '../../support/wait.ts';

export const INTERVAL_MS = 1000;
const TIMEOUT_MS = 800;
/** Beyond the scrapes that are compared, so that the last of those is on disk for sure. */
const SCRAPES_MORE = 2;

/** One exporter, and how much of a scrape it is allowed. */
export interface Subject {
  /** Host and port. */
  readonly instance: string;
  readonly sampleLimit: number;
  readonly honorLabels: boolean;
}

/** A body, a packed body, or something else; {@link NEVER} is no answer at all. */
export type Answer = string | Buffer | ((response: http.ServerResponse) => void);
export const NEVER: Answer = () => {};

/** Serves the n-th answer to the n-th scrape of each scraper; the last one is repeated. */
export async function sequenceExporter(
  answers: readonly Answer[],
): Promise<{ instance: string; close: () => Promise<void> }> {
  const asked = new Map<string, number>();
  const server = http.createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.end('redirected 1\n');
      return;
    }
    const scraper = (request.headers['user-agent'] ?? '').split('/')[0];
    const count = asked.get(scraper) ?? 0;
    asked.set(scraper, count + 1);
    const answer = answers[Math.min(count, answers.length - 1)];
    if (typeof answer === 'function') answer(response);
    else if (typeof answer === 'string') response.end(answer);
    else response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(answer);
  });
  const port = await listen(server);
  return { instance: `127.0.0.1:${port}`, close: () => closeServer(server) };
}

/** Samples of one series: time, and the bits of the value in hexadecimal. */
export type Samples = readonly (readonly [timeMs: number, bits: string])[];
export type Stored = ReadonlyMap<string, Samples>;

/** Scrapes `count` times into `dir` with Prometheus. */
export async function prometheusScrapes(
  dir: string,
  subjects: readonly Subject[],
  count: number,
): Promise<Stored> {
  const config = join(dir, 'prometheus.yml');
  const jobs = subjects.map(
    ({ instance, sampleLimit, honorLabels }, index) => `
  - job_name: job${index}
    scrape_interval: ${INTERVAL_MS}ms
    scrape_timeout: ${TIMEOUT_MS}ms
    sample_limit: ${sampleLimit}
    honor_labels: ${honorLabels}
    static_configs: [{targets: ['${instance}']}]`,
  );
  writeFileSync(config, `scrape_configs:${jobs.join('')}\n`);
  const data = join(dir, 'data');
  const options = ['--web.listen-address=127.0.0.1:0', `--storage.tsdb.path=${data}`];
  const program = requireTool(tools.prometheus);
  const child = spawn(program, [`--config.file=${config}`, ...options], { stdio: 'ignore' });
  try {
    await hasScraped(child, data, subjects, count);
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
  return readStored(data);
}

async function hasScraped(
  child: ChildProcess,
  data: string,
  subjects: readonly Subject[],
  count: number,
): Promise<void> {
  await waitUntil(
    'Prometheus to end',
    async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${child.exitCode}`);
      const stored = await readStored(data);
      return subjects.every(({ instance }) => upTimes(stored, instance).length >= count);
    },
    120_000,
    2_000,
  );
}

/** Scrapes `count` times into `dir` with ours. */
export async function weScrape(
  dir: string,
  subjects: readonly Subject[],
  count: number,
): Promise<Stored> {
  const common = { clock: systemClock, logger: silentLogger };
  const db = await Db.open({ fs: diskFs, dir, tasks: inlineTasks([]), ...common });
  const http = new NodeHttpClient();
  const scrapes = new Map<number, number>();
  const managers = subjects.map(({ instance, sampleLimit, honorLabels }, index) => {
    const onScrape = (): void => void scrapes.set(index, (scrapes.get(index) ?? 0) + 1);
    const manager = new ScrapeManager({
      http,
      appendable: db,
      userAgent: 'ours',
      onScrape,
      ...common,
    });
    const settings = {
      intervalMs: INTERVAL_MS,
      timeoutMs: TIMEOUT_MS,
      bodyLimitBytes: 0,
      sampleLimit,
      honorTimestamps: true,
      honorLabels,
    };
    const labels = { job: `job${index}`, instance };
    manager.apply(settings, [{ url: `http://${instance}/metrics`, labels }]);
    return manager;
  });
  const isDone = (): boolean => subjects.every((_, i) => (scrapes.get(i) ?? 0) >= count);
  await waitUntil('our last scrapes', isDone, 120_000);
  await Promise.all(managers.map((manager) => manager.stop()));
  http.close();
  await db.close();
  return readStored(dir);
}

/** How often to scrape when the first `count` scrapes are to be compared. */
export function scrapesFor(count: number): number {
  return count + SCRAPES_MORE;
}

/** Everything in a folder of the database, the log included; whoever writes to it goes on. */
async function readStored(dir: string): Promise<Stored> {
  const db = await ReadOnlyDb.open({ fs: diskFs, dir, clock: systemClock, logger: silentLogger });
  const stored = new Map<string, Samples>();
  try {
    const querier = await db.querier({ minTimeMs: -Infinity, maxTimeMs: Infinity });
    const set = await querier.select(await parseSelector("{__name__=~'(?s:.*)'}"));
    while (await set.next()) {
      const samples: [number, string][] = [];
      const source = await set.samples();
      while (source.next()) samples.push([source.timeMs, bitsOf(source.valueHi, source.valueLo)]);
      stored.set(formatLabels(set.labels), samples);
    }
  } finally {
    await db.close();
  }
  return stored;
}

/** When an exporter was scraped. */
export function upTimes(stored: Stored, instance: string): number[] {
  const up = [...stored].find(
    ([name]) => name.includes('"up"') && name.includes(`instance="${instance}"`),
  );
  return (up?.[1] ?? []).map(([timeMs]) => timeMs);
}
