import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { FakeProcessStats } from '../../../test/support/fake-process-stats.ts';
import { silentLogger } from '../../base/log.ts';
import type { TargetStatus } from '../../ingest/index.ts';
import type { HeadStats } from '../../tsdb/index.ts';
import { CountsByKind, counter, gauge } from './family.ts';
import type { MetricFamily } from './family.ts';
import { processFamilies } from './process-families.ts';
import { ScrapeMetrics } from './scrape-families.ts';
import { SelfMetrics } from './self-metrics.ts';
import { storageFamilies } from './storage-families.ts';

/** Lines without comments, and without the common prefix. */
async function lines(families: readonly MetricFamily[]): Promise<string[]> {
  const metrics = new SelfMetrics(silentLogger);
  metrics.add(families);
  const text = await metrics.render();
  assert.ok(text.endsWith('\n'));
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/^mattermost_plugin_metrics_/, ''));
}

const HEAD: HeadStats = {
  seriesCount: 5,
  sampleCount: 50,
  chunkCount: 6,
  chunkBytes: 6_000,
  minTimeMs: 1_000,
  maxTimeMs: 2_500,
  appendedSamples: 60,
  outOfOrderSamples: 1,
  duplicateSamples: 2,
  outOfBoundsSamples: 3,
};

function target(change: Partial<TargetStatus>): TargetStatus {
  return {
    url: 'http://x/metrics',
    job: 'prometheus',
    instance: 'x:1',
    up: true,
    lastScrapeMs: 1,
    lastDurationMs: 1,
    lastError: undefined,
    samples: 1,
    refused: 0,
    ...change,
  };
}

test('what is not known is left out, and comes when it is', async () => {
  let value: number | undefined;
  const metrics = new SelfMetrics(silentLogger);
  metrics.add([gauge('g', 'Help.', () => value), counter('c_total', 'Help.', () => value)]);
  const samples = async (): Promise<string[]> =>
    (await metrics.render()).split('\n').filter((line) => /^[a-z]/.test(line));
  assert.deepEqual(await samples(), []);
  value = 0;
  assert.deepEqual(await samples(), [
    'mattermost_plugin_metrics_g 0',
    'mattermost_plugin_metrics_c_total 0',
  ]);
  value = 1.5;
  assert.deepEqual(await samples(), [
    'mattermost_plugin_metrics_g 1.5',
    'mattermost_plugin_metrics_c_total 1.5',
  ]);
  value = Number.NaN;
  assert.deepEqual(await samples(), []);
});

test('a part that cannot be read costs its own lines alone, and one line in the log', async () => {
  const logged: string[] = [];
  const metrics = new SelfMetrics({
    ...silentLogger,
    error: (message, fields) => logged.push(`${message} ${JSON.stringify(fields)}`),
  });
  const fail = (): number => {
    throw new Error('no luck');
  };
  metrics.add([gauge('bad', 'Help.', fail), gauge('good', 'Help.', () => 1)]);
  for (let i = 0; i < 3; i++) assert.match(await metrics.render(), /^\w+_good 1$/m);
  assert.equal(logged.length, 1);
  assert.match(logged[0], /bad.*no luck/);
});

test('families come later as well, and none twice', async () => {
  const metrics = new SelfMetrics(silentLogger);
  metrics.add([gauge('one', 'Help.', () => 1)]);
  await metrics.prepare();
  metrics.add([gauge('two', 'Help.', () => 2)]);
  assert.match(await metrics.render(), /_one 1\n[^]*_two 2\n/);
  assert.throws(() => metrics.add([gauge('one', 'Help.', () => 1)]), /_?one already/);
});

test('values of labels are escaped', async () => {
  const counts = new CountsByKind();
  counts.add('a"b\\c\nd');
  assert.deepEqual(await lines([counts.family('x_total', 'Help.', 'kind')]), [
    'x_total{kind="a\\"b\\\\c\\nd"} 1',
  ]);
});

test('scrapes are counted by outcome, targets by health', async () => {
  const metrics = new ScrapeMetrics(() => [
    target({}),
    target({ job: 'node', up: false }),
    target({ job: 'node', up: false }),
    target({ job: 'calls', up: false, lastScrapeMs: undefined }),
  ]);
  metrics.count({ durationMs: 250, samples: 100, failureCode: undefined, isStored: true });
  metrics.count({ durationMs: 500, samples: 0, failureCode: 'ERR_HTTP_TIMEOUT', isStored: true });
  metrics.count({ durationMs: 250, samples: 0, failureCode: 'ERR_HTTP_TIMEOUT', isStored: true });
  assert.deepEqual(await lines(metrics.families), [
    'targets{job="prometheus",health="up"} 1',
    'targets{job="node",health="down"} 2',
    'targets{job="calls",health="unknown"} 1',
    'scrapes_total 3',
    'scrape_seconds_total 1',
    'scraped_samples_total 100',
    'scrape_failures_total{reason="http_timeout"} 2',
  ]);
});

test('a database that is not open has nothing to tell', async () => {
  const closed = {
    head: () => undefined,
    wal: () => undefined,
    walBytes: () => undefined,
    blockCount: () => undefined,
  };
  assert.deepEqual(await lines(storageFamilies(closed)), []);
});

test('promtool accepts all of it', (t) => {
  if (spawnSync('promtool', ['--version']).status !== 0 && process.env.CI !== 'true') {
    t.skip('promtool is missing: apt-get install prometheus');
    return;
  }
  const scrapes = new ScrapeMetrics(() => [target({})]);
  scrapes.count({ durationMs: 1, samples: 1, failureCode: 'ERR_HTTP', isStored: true });
  const metrics = new SelfMetrics(silentLogger);
  metrics.add(processFamilies(new FakeProcessStats(), '1.2.3'));
  metrics.add(scrapes.families);
  metrics.add(
    storageFamilies({
      head: () => HEAD,
      wal: () => ({ syncs: 1, writtenBytes: 2, corruptions: 0 }),
      walBytes: () => 3,
      blockCount: () => 4,
    }),
  );
  return metrics.render().then((text) => {
    assert.match(text, /^mattermost_plugin_metrics_head_max_time_seconds 2\.5$/m);
    assert.match(text, /_event_loop_delay_seconds\{since="start",percentile="99\.9"\} 0\.0025$/m);
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input: text });
    assert.equal(status, 0, `${stderr}${stdout}`);
    assert.equal(`${stderr}${stdout}`, '');
  });
});
