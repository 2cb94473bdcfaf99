import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrometheusDriver, type RangeVector, type SampleValue } from 'prometheus-query';

import { ended, spawnTied } from '../support/processes.ts';
import { freePort, temporaryDir } from '../support/temporary.ts';
import { requireTool, tools } from '../support/tools.ts';
import { waitUntil } from '../support/wait.ts';

/** One sample as Prometheus answers it. */
export interface Sample {
  timeMs: number;
  value: number;
}

/** A series with the samples that Prometheus found for it. */
export interface Series {
  labels: Record<string, string>;
  samples: Sample[];
}

/** Runs `ask` against a real Prometheus that was opened on a directory of blocks and scrapes nothing. */
export async function withPrometheus<T>(
  storage: string,
  ask: (prometheus: PrometheusDriver) => Promise<T>,
): Promise<T> {
  const config = join(temporaryDir('prometheus-config'), 'prometheus.yml');
  writeFileSync(config, 'scrape_configs: []\n');
  const port = await freePort();
  const server = spawnTied(
    requireTool(tools.prometheus),
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${storage}`,
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await waitUntil(
      'Prometheus is ready',
      async () => {
        if (server.exitCode !== null) throw new Error(`Prometheus ended:\n${log}`);
        return (await fetch(`${endpoint}/-/ready`)).ok;
      },
      30_000,
    );
    const problems = log.split('\n').filter((line) => /level=(warn|error)/.test(line));
    if (problems.length > 0) throw new Error(`Prometheus complains:\n${problems.join('\n')}`);
    return await ask(new PrometheusDriver({ endpoint }));
  } finally {
    server.kill('SIGTERM');
    await ended(server);
  }
}

/**
 * The stored samples themselves, not samples at steps: a range selector in an instant query.
 *
 * @param selector without the range, as `up{job="prometheus"}`
 */
export async function storedSamples(
  prometheus: PrometheusDriver,
  selector: string,
  untilMs: number,
  rangeMinutes = 600,
): Promise<Series[]> {
  const query = `${selector}[${rangeMinutes}m]`;
  const answer = await prometheus.instantQuery(query, new Date(untilMs));
  const vectors = answer.result as RangeVector[];
  return vectors.map((series) => ({
    labels: { __name__: series.metric.name, ...series.metric.labels },
    samples: series.values.map(toSample),
  }));
}

function toSample({ time, value }: SampleValue): Sample {
  return { timeMs: time.getTime(), value };
}
