import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { ended, memoryOf, spawnTied } from '../../support/processes.ts';
import { freePort, temporaryDir } from '../../support/temporary.ts';
import { requireTool, tools } from '../../support/tools.ts';
import { waitUntil } from '../../support/wait.ts';
import { median } from '../support.ts';
import { type Programs, threadSeconds, fork, hear } from './peer.ts';

/** How long the event loop is watched; p99.9 is then the tenth longest of its milliseconds. */
const WATCH_MS = 10_000;

export interface Load {
  readonly targets: number;
  readonly series: number;
  readonly intervalMs: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Whether our event loop is watched afterwards, while scraping and while a block is cut. */
  readonly isWatched?: boolean;
}

export interface Measured extends Delays {
  readonly cpuPerMillion: number;
  readonly rssMiB: number;
}

interface Delays {
  /** 99.9th percentile, of ours where it is watched: after the measured time, and during a cut. */
  readonly delayMs: number;
  readonly cutDelayMs: number;
}

const NO_DELAYS: Delays = { delayMs: 0, cutDelayMs: 0 };

interface Scraper {
  readonly pid: number;
  /** Stops the scraper, having watched its event loop if it has one. */
  readonly end: () => Promise<Delays>;
}

/** Puts one scraper under a load of its own and measures it from the outside. */
export async function measure(who: Programs | 'theirs', load: Load): Promise<Measured> {
  const exporter = fork(join(import.meta.dirname, 'exporter.ts'), [load.targets, load.series]);
  try {
    const { ports } = await hear<{ ports: number[] }>(exporter);
    const scraper = await (who === 'theirs'
      ? startTheirs(ports, load)
      : startOurs(who, ports, load));
    await delay(load.warmUpSeconds * 1000);
    const samples = async (): Promise<number> =>
      (await hear<{ samples: number }>(exporter, 'samples')).samples;
    const before = { samples: await samples(), cpu: threadSeconds(scraper.pid) };
    const rss: number[] = [];
    for (let second = 0; second < load.seconds; second++) {
      await delay(1000);
      rss.push(memoryOf(scraper.pid).rssBytes);
    }
    const cpu = threadSeconds(scraper.pid) - before.cpu;
    const millions = ((await samples()) - before.samples) / 1e6;
    const rssMiB = median(rss) / 2 ** 20;
    return { cpuPerMillion: cpu / millions, rssMiB, ...(await scraper.end()) };
  } finally {
    exporter.kill();
    await ended(exporter);
  }
}

async function startOurs(
  programs: Programs,
  ports: readonly number[],
  load: Load,
): Promise<Scraper> {
  const dir = join(temporaryDir('bench-scrape'), 'data');
  const child = fork(programs.main, [dir, load.intervalMs, programs.worker, ...ports]);
  await hear(child);
  return {
    pid: child.pid ?? 0,
    end: async () => {
      // Afterwards: timers of a millisecond would take a third of the CPU time that is measured.
      const delays = load.isWatched === true ? await watchLoop(child) : NO_DELAYS;
      const { down } = await hear<{ down: number }>(child, 'stop');
      await ended(child);
      if (down > 0) throw new Error(`${down} targets were down at the end`);
      return delays;
    },
  };
}

async function watchLoop(child: ChildProcess): Promise<Delays> {
  await hear(child, 'watch');
  await delay(WATCH_MS);
  const { delayMs } = await hear<{ delayMs: number }>(child, 'delay');
  const { delayMs: cutDelayMs } = await hear<{ delayMs: number }>(child, 'cut');
  return { delayMs, cutDelayMs };
}

async function startTheirs(ports: readonly number[], load: Load): Promise<Scraper> {
  const dir = temporaryDir('bench-prometheus');
  const config = join(dir, 'prometheus.yml');
  const seconds = load.intervalMs / 1000;
  writeFileSync(
    config,
    `global: {scrape_interval: ${seconds}s, scrape_timeout: ${Math.min(seconds, 10)}s}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: [${ports.map((port) => `'127.0.0.1:${port}'`).join(', ')}]}]
`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  // The Go plugin writes its log uncompressed too.
  const options = ['--no-storage.tsdb.wal-compression', `--web.listen-address=${address}`];
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(dir, 'data')}`, ...options];
  const child = spawnTied(requireTool(tools.prometheus), args, { stdio: 'ignore' });
  const isReady = async (): Promise<boolean> => (await fetch(`http://${address}/-/ready`)).ok;
  await waitUntil('Prometheus to be ready', isReady, 30_000);
  return {
    pid: child.pid ?? 0,
    end: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
      return NO_DELAYS;
    },
  };
}
