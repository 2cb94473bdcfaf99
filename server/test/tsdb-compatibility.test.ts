import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { silentLogger } from '../src/base/log.ts';
import { makeLabels } from '../src/model/labels.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { Db, tsdbTasks, verifyBlock } from '../src/tsdb/index.ts';
import { FakeClock } from './support/fake-clock.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { Random } from './support/random.ts';
import { hasTool } from './support/tools.ts';

// Our files before the tools of Prometheus, and theirs before us.

const HOUR_MS = 60 * 60 * 1000;
const START_MS = 1795334400000;
const TESTDATA = join(import.meta.dirname, 'testdata', 'tsdb');
const GO_PLUGIN_DUMP = '1cf08d6b691e1eddc24e6ad53b9df970ca28fbf03ea2d7d98b113d11d2be4fc6';
const PROMETHEUS_DUMP = 'eb4130badd37053e560543d61ddb1e9703ab646bec35c470cec7316c2ac1d998';

let root = '';
before(() => {
  root = mkdtempSync(join(tmpdir(), 'tsdb-compatibility-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

function openDb(dir: string, blockRangeMs = 2 * HOUR_MS): Promise<Db> {
  return Db.open({
    fs: diskFs,
    dir,
    clock: systemClock,
    logger: silentLogger,
    tasks: inlineTasks(tsdbTasks(diskFs)),
    maintenanceIntervalMs: 0,
    blockRangeMs,
  });
}

function unpack(archive: string): string {
  const dir = mkdtempSync(join(root, 'unpacked-'));
  execFileSync('tar', ['xzf', join(TESTDATA, archive), '-C', dir]);
  return dir;
}

/** The dump's lines sorted by bytes, and their hash, as testdata/tsdb/README.md makes it. */
function dumpHash(dir: string): { lines: number; sha256: string } {
  const text = execFileSync('promtool', ['tsdb', 'dump', dir], { maxBuffer: 2 ** 30 }).toString();
  const lines = text
    .trimEnd()
    .split('\n')
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const sha256 = createHash('sha256')
    .update(lines.join('\n') + '\n')
    .digest('hex');
  return { lines: lines.length, sha256 };
}

interface TestSeries {
  readonly labels: Record<string, string>;
  readonly samples: (readonly [timeMs: number, value: number])[];
}

/** Series of all shapes that metrics have: constant, counting, noisy, rare, irregular in time. */
function makeSeries(count: number, samplesEach: number): TestSeries[] {
  const random = new Random(42);
  return Array.from({ length: count }, (_, s) => {
    const samples: [number, number][] = [];
    let value = 0;
    let timeMs = START_MS + (s % 10);
    for (let i = 0; i < samplesEach; i++) {
      const shape = s % 6;
      if (shape === 0) value = 5;
      else if (shape === 1) value += 1;
      else if (shape === 2) value += random.below(100);
      else if (shape === 3) value = random.below(10000) / 10;
      else if (shape === 4) value = i % 3 === 0 ? i * 1e-9 : value;
      else value = random.below(10) === 0 ? -value : i;
      // The text form cannot tell -0 from 0.
      samples.push([timeMs, value + 0]);
      timeMs += 15000 + (s % 4 === 0 ? random.below(100) : 0) + (i === 100 ? 600000 : 0);
    }
    const labels = {
      __name__: `metric_${s}`,
      id: `x${s}`,
      instance: `host-${s % 5}:9100`,
      ...(s % 3 === 0 && { zone: 'größer 🎈' }),
    };
    return { labels, samples };
  });
}

async function appendAll(db: Db, series: readonly TestSeries[]): Promise<void> {
  const appender = db.appender();
  for (const { labels, samples } of series) {
    const ref = appender.series(makeLabels(Object.entries(labels)));
    for (const [timeMs, value] of samples) {
      assert.equal(appender.append(ref, timeMs, value), 'appended');
    }
  }
  await appender.commit();
}

function openMetrics(series: readonly TestSeries[]): string {
  const lines: string[] = [];
  for (const { labels, samples } of series) {
    const pairs = Object.entries(labels)
      .filter(([name]) => name !== '__name__')
      .map(([name, value]) => `${name}="${value}"`);
    lines.push(`# TYPE ${labels.__name__} gauge`);
    for (const [timeMs, value] of samples) {
      const time = `${Math.floor(timeMs / 1000)}.${String(timeMs % 1000).padStart(3, '0')}`;
      lines.push(`${labels.__name__}{${pairs.join(',')}} ${value} ${time}`);
    }
  }
  return lines.join('\n') + '\n# EOF\n';
}

function blockDirs(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.length === 26)
    .map((name) => join(dir, name));
}

describe('directories written by others', () => {
  it('gives every sample that the Go plugin left in checkpoint, log and head chunks', async (t) => {
    const dir = join(unpack('go-plugin-0.7.0.tar.gz'), 'tsdb');
    const db = await openDb(dir);
    await db.flush();
    const samples = db.blocks().reduce((sum, { meta }) => sum + meta.stats.numSamples, 0);
    for (const block of db.blocks()) await verifyBlock(diskFs, block.dir);
    await db.close();
    assert.equal(samples, 648710);
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith('chunk_snapshot')),
      [],
      'the foreign snapshot went with the log that it stood for',
    );
    if (!hasTool(t, 'promtool')) return;
    assert.deepEqual(dumpHash(dir), { lines: 648710, sha256: GO_PLUGIN_DUMP });
  });

  it('keeps a Go plugin directory whole while it appends, cuts and restarts', async (t) => {
    const dir = join(unpack('go-plugin-0.7.0.tar.gz'), 'tsdb');
    const first = await openDb(dir);
    const series = makeSeries(3, 10).map(({ labels, samples }) => ({
      labels,
      samples: samples.map(([timeMs, value]) => [timeMs + 20 * HOUR_MS, value] as const),
    }));
    await appendAll(first, series);
    await first.cut();
    await first.close();
    const second = await openDb(dir);
    await second.flush();
    const samples = second.blocks().reduce((sum, { meta }) => sum + meta.stats.numSamples, 0);
    await second.close();
    assert.equal(samples, 648710 + 30);
    if (!hasTool(t, 'promtool')) return;
    assert.equal(dumpHash(dir).lines, 648710 + 30);
  });

  it('reads a log that Prometheus packed with snappy', async (t) => {
    const dir = unpack('prometheus-2.42-killed.tar.gz');
    const db = await openDb(dir);
    assert.equal(db.headStats().sampleCount, 1306);
    await db.flush();
    await db.close();
    if (!hasTool(t, 'promtool')) return;
    assert.deepEqual(dumpHash(dir), { lines: 1306, sha256: PROMETHEUS_DUMP });
  });
});

describe('what we write', () => {
  it('is byte for byte the block that promtool makes of the same samples', async (t) => {
    if (!hasTool(t, 'promtool')) return;
    const series = makeSeries(300, 250);
    const input = join(root, 'input.om');
    const reference = join(root, 'reference');
    mkdirSync(reference);
    writeFileSync(input, openMetrics(series));
    execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', input, reference]);
    const dir = join(root, 'same');
    // promtool pretends that blocks are twice as long, which decides where chunks end.
    const db = await openDb(dir, 4 * HOUR_MS);
    await appendAll(db, series);
    await db.flush();
    await db.close();
    const [theirs] = blockDirs(reference);
    const [ours] = blockDirs(dir);
    for (const file of ['chunks/000001', 'index', 'tombstones']) {
      const expected = readFileSync(join(theirs, file));
      assert.ok(readFileSync(join(ours, file)).equals(expected), `${file} differs`);
    }
    const meta = (block: string): string =>
      readFileSync(join(block, 'meta.json'), 'utf8').replace(/[0-9A-Z]{26}/g, 'ULID');
    assert.equal(meta(ours), meta(theirs));
  });

  it('gives promtool back each sample from blocks and log, with NaN, infinities and stale markers', async (t) => {
    if (!hasTool(t, 'promtool')) return;
    const dir = join(root, 'values');
    const db = await openDb(dir);
    const values = [0, -0, 1.5, -1e-300, 1.7976931348623157e308, NaN, Infinity, -Infinity];
    const appender = db.appender();
    const ref = appender.series(makeLabels([['__name__', 'odd']]));
    values.forEach((value, i) => appender.append(ref, START_MS + i * 1000, value));
    await appender.commit();
    const log = execFileSync('promtool', ['tsdb', 'dump', dir]).toString();
    await db.flush();
    await db.close();
    const lines = log.trim().split('\n');
    assert.deepEqual(
      lines.map((line) => line.split(' ')[1]),
      ['0', '-0', '1.5', '-1e-300', '1.7976931348623157e+308', 'NaN', '+Inf', '-Inf'],
    );
    assert.equal(execFileSync('promtool', ['tsdb', 'dump', dir]).toString(), log);
    const analysis = execFileSync('promtool', ['tsdb', 'analyze', dir]).toString();
    assert.match(analysis, /Series: 1\n/);
    assert.match(execFileSync('promtool', ['tsdb', 'list', dir]).toString(), /\b8 +1 +1\b/);
  });

  it('is whole for promtool when a checkpoint stands in front of the log', async (t) => {
    if (!hasTool(t, 'promtool')) return;
    const dir = join(root, 'checkpoint');
    const clock = new FakeClock(START_MS);
    const db = await Db.open({
      fs: diskFs,
      dir,
      clock,
      logger: silentLogger,
      tasks: inlineTasks(tsdbTasks(diskFs)),
      maintenanceIntervalMs: 0,
      walSegmentBytes: 32 * 1024,
    });
    let appended = 0;
    for (let turn = 0; turn < 100; turn++) {
      await clock.advance(HOUR_MS / 10);
      const appender = db.appender();
      for (let i = 0; i < 50; i++) {
        // Every tenth series lives for an hour only.
        const life = i % 10 === 0 ? { hour: String(Math.floor(turn / 10)) } : {};
        const labels = { __name__: 'm', id: String(i), ...life };
        const ref = appender.series(makeLabels(Object.entries(labels)));
        if (appender.append(ref, clock.nowMs(), turn * i) === 'appended') appended++;
      }
      await appender.commit();
      await db.cut();
    }
    await db.close();
    assert.equal(appended, 5000);
    const wal = readdirSync(join(dir, 'wal'));
    assert.equal(wal.filter((name) => name.startsWith('checkpoint.')).length, 1, wal.join(' '));
    assert.ok(blockDirs(dir).length >= 3);
    assert.equal(dumpHash(dir).lines, 5000);
  });

  it('is served by a running Prometheus', async (t) => {
    if (!hasTool(t, 'prometheus')) return;
    const dir = join(root, 'served');
    const db = await openDb(dir);
    const series = makeSeries(20, 700);
    await appendAll(db, series);
    // Blocks in front, the newest samples in the log.
    const metas = await db.cut();
    await db.close();
    assert.ok(metas.length > 0 || existsSync(join(dir, 'wal')));
    const copy = join(root, 'served-copy');
    cpSync(dir, copy, { recursive: true });
    const totals = await queryPrometheus(copy, 'sum(count_over_time({__name__=~"metric_.*"}[1d]))');
    assert.equal(totals, String(20 * 700));
  });
});

/** Starts Prometheus on `dir` and asks one instant query at the end of the test's samples. */
async function queryPrometheus(dir: string, query: string): Promise<string> {
  const port = await freePort();
  const config = join(root, 'prometheus.yml');
  writeFileSync(config, 'global: {}\n');
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${dir}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--storage.tsdb.retention.time=10y',
    ],
    { stdio: 'ignore' },
  );
  try {
    const time = START_MS / 1000 + 23 * 3600;
    const url = `http://127.0.0.1:${port}/api/v1/query?time=${time}&query=${encodeURIComponent(query)}`;
    for (let attempt = 0; attempt < 300; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const response = await fetch(url).catch(() => undefined);
      if (response?.status !== 200) continue;
      const answer = (await response.json()) as { data: { result: { value: [number, string] }[] } };
      return answer.data.result[0]?.value[1] ?? 'no result';
    }
    throw new Error('Prometheus does not answer');
  } finally {
    prometheus.kill('SIGKILL');
    await once(prometheus, 'exit');
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
