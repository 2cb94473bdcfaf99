// The plugin from the scrape to a dump that Prometheus reads, without a host around it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { MetricsPlugin } from '../src/plugin/metrics-plugin.ts';
import type { StoreStats } from '../src/services/stats/stats.ts';
import { ask, askJson, until } from './support/ask.ts';
import { FakeHost } from './support/fake-host.ts';
import { dumpLastHour, startRealPlugin } from './support/real-plugin.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const skip =
  hasPromtool || process.env.CI === 'true'
    ? false
    : 'promtool is missing: apt-get install prometheus';

interface Status {
  warnings: { code: string }[];
  targets: { up: boolean; last_scrape_ms: number }[];
  head?: { samples: number };
}

describe('a dump of live data', { skip }, () => {
  const base = mkdtempSync(join(tmpdir(), 'plugin-dump-'));
  let scrapes = 0;
  const exporter = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    if (request.url !== '/metrics') response.end('own 1\n');
    else response.end(`# TYPE scrapes counter\nscrapes ${++scrapes}\nhalf{a="b\\"c"} 0.5\n`);
  });
  let host: FakeHost;
  let plugin: MetricsPlugin;

  before(async () => {
    await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
    const { port } = exporter.address() as AddressInfo;
    host = new FakeHost(
      {
        metricsListenAddress: `127.0.0.1:${port}`,
        fileDirectory: join(base, 'files'),
      },
      { dbpath: join(base, 'tsdb'), scrapeintervalseconds: 1, enablenodeexportertargets: false },
    );
    plugin = startRealPlugin(host);
    await scraped(3);
  });

  after(async () => {
    await plugin.stop();
    exporter.close();
    exporter.closeAllConnections();
    rmSync(base, { recursive: true, force: true });
  });

  async function scraped(more: number): Promise<void> {
    const goal = scrapes + more;
    await until('scraped', () => scrapes >= goal);
    const sinceMs = Date.now();
    await until('stored', async () => {
      const { targets } = await askJson<Status>(plugin.api, 'GET', '/status');
      return targets.every((target) => target.up && target.last_scrape_ms >= sinceMs);
    });
  }

  /** Makes a dump of the last hour and unpacks it; the folder. */
  async function unpackDump(): Promise<string> {
    const nowMs = Date.now();
    const job = await dumpLastHour(plugin);
    assert.equal(job.status, 'success', job.error);
    assert.ok(nowMs - job.max_t < 10_000, 'the dump reaches the last moment');
    const answer = await ask(plugin.api, 'GET', `/jobs/download/${job.id}`);
    assert.equal(answer.status, 200);
    assert.equal(Number(answer.headers['Content-Length']), answer.body.length);
    assert.equal(job.size_bytes, answer.body.length);
    const dir = mkdtempSync(join(base, 'unpacked-'));
    writeFileSync(join(dir, 'dump.tar.gz'), answer.body);
    mkdirSync(join(dir, 'data'));
    execFileSync('tar', ['xzf', join(dir, 'dump.tar.gz'), '-C', join(dir, 'data')]);
    return join(dir, 'data');
  }

  /** The values of one series in a dump, in the order of time. */
  function valuesIn(dir: string, series: string): number[] {
    const text = execFileSync('promtool', ['tsdb', 'dump', dir], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    const found = new Map<number, number>();
    for (const line of text.split('\n')) {
      if (!line.startsWith(`{__name__="${series}"`)) continue;
      const [value, timeMs] = line
        .slice(line.lastIndexOf('}') + 1)
        .trim()
        .split(' ');
      if (value !== 'NaN') found.set(Number(timeMs), Number(value));
    }
    return [...found].sort(([a], [b]) => a - b).map(([, value]) => value);
  }

  it('of the head alone is read by promtool, with every scrape in it', async () => {
    const dir = await unpackDump();
    const blocks = readdirSync(dir).filter((name) => name.length === 26);
    assert.equal(blocks.length, 1);
    execFileSync('promtool', ['tsdb', 'analyze', dir], { stdio: 'pipe' });
    const values = valuesIn(dir, 'scrapes');
    assert.ok(values.length >= 3);
    assert.deepEqual(
      values,
      values.map((_, i) => i + 1),
    );
    assert.ok(valuesIn(dir, 'half').every((value) => value === 0.5));
    assert.match(readFileSync(join(dir, 'metadata.yaml'), 'utf8'), /server_version: "11\.8\.0"/);
  });

  it('goes on over a restart, with the block of the stop and the new head', async () => {
    const beforeMs = performance.now();
    await plugin.stop();
    assert.ok(performance.now() - beforeMs < 8_000, 'the stop takes too long');
    const stored = join(base, 'files/plugin-data/mattermost-plugin-metrics/data');
    assert.equal(readdirSync(stored).length, 1, 'the head was not brought to the file store');
    plugin = startRealPlugin(host);
    await scraped(2);
    const dir = await unpackDump();
    assert.equal(readdirSync(dir).filter((name) => name.length === 26).length, 2);
    const values = valuesIn(dir, 'scrapes');
    assert.deepEqual(
      values,
      values.map((_, i) => values[0] + i),
      'a scrape is missing or twice',
    );
    const stats = await askJson<StoreStats>(plugin.api, 'GET', '/tsdb/stats');
    assert.ok(stats.num_samples > 20 && stats.num_series >= 7, JSON.stringify(stats));
    assert.ok(stats.min_t > Date.now() - 60_000 && stats.max_t >= stats.min_t);
    const { warnings } = await askJson<Status>(plugin.api, 'GET', '/status');
    assert.deepEqual(warnings, []);
  });

  it('leaves nothing behind on the local disk', () => {
    const left = readdirSync(join(base, 'tsdb'), { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      left.filter((name) => name.includes('dump-work/') || name.includes('.tmp')),
      [],
    );
  });
});
