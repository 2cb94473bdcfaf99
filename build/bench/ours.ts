// Does with our TSDB what build/bench/go does with Prometheus' own: the same commands, arguments and
// line of JSON. Each runs in a process of its own; node --cpu-prof and --heap-prof show where it goes.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import { silentLogger } from '../../server/src/base/log.ts';
import { makeLabels, type Labels } from '../../server/src/model/labels.ts';
import { makeUlid } from '../../server/src/model/ulid.ts';
import { diskFs } from '../../server/src/platform/disk-fs.ts';
import { systemClock } from '../../server/src/platform/system-clock.ts';
import { WorkerPool } from '../../server/src/platform/worker-pool.ts';
import { mergeTask } from '../../server/src/tsdb/compact/merge-task.ts';
import { Db, ReadOnlyDb } from '../../server/src/tsdb/index.ts';
import type { LoadShape } from './load.ts';
import type { Measurement } from './support.ts';

/** The bundled code of a worker thread; without it, the sources are taken. */
const workerFile = process.env['BENCH_WORKER'];
const pool = new WorkerPool(
  workerFile === undefined ? {} : { createWorker: () => new Worker(workerFile) },
);

/** Appends all scrapes of a load to a new database. */
async function append(loadDir: string, dir: string): Promise<Measurement> {
  const load = readLoad(loadDir);
  const db = await openDb(dir);
  const stop = measure();
  const { targets, scrapes, seriesPerTarget } = load.shape;
  const scrapers = makeScrapers(load, db);
  for (let scrape = 0; scrape < scrapes; scrape++) {
    await Promise.all(scrapers.map((scraper) => scraper.append(scrape)));
  }
  const { cost, cpuSeconds } = stop();
  const millions = (targets * scrapes * seriesPerTarget) / 1e6;
  const checks = { series: db.headStats().seriesCount };
  return { cost: cost / millions, cpuSeconds: cpuSeconds / millions, checks };
}

/** Series of one goroutine of promtool, scrapes that it appends in one go, and their interval. */
const SHARD_SERIES = 1000;
const ROUND_SCRAPES = 100;
const WRITE_INTERVAL_MS = 30_000;

/**
 * What `promtool tsdb bench write` does: shards of 1,000 series, all at once, append 100 scrapes each
 * in which all values have grown by 1,000; then the next 100.
 */
async function benchWrite(
  loadDir: string,
  dir: string,
  seriesCount: string,
  scrapes: string,
): Promise<Measurement> {
  const labels = readLabels(loadDir).slice(0, Number(seriesCount));
  const db = await openDb(dir);
  const stop = measure();
  for (let scrape = 0; scrape < Number(scrapes); scrape += ROUND_SCRAPES) {
    const shards: Promise<void>[] = [];
    for (let at = 0; at < labels.length; at += SHARD_SERIES) {
      const shard = labels.slice(at, at + SHARD_SERIES);
      shards.push(writeShard(db, shard, scrape * WRITE_INTERVAL_MS));
    }
    await Promise.all(shards);
  }
  const { cost, cpuSeconds } = stop();
  const samples = labels.length * Number(scrapes);
  const millions = samples / 1e6;
  return { cost: cost / millions, cpuSeconds: cpuSeconds / millions, checks: { samples } };
}

async function writeShard(db: Db, labels: readonly Labels[], baseMs: number): Promise<void> {
  const refs = new Float64Array(labels.length);
  for (let scrape = 1; scrape <= ROUND_SCRAPES; scrape++) {
    const appender = db.appender();
    for (let i = 0; i < refs.length; i++) {
      let ref = refs[i] ?? 0;
      if (ref === 0) refs[i] = ref = appender.series(labels[i] ?? []);
      const value = 123456789 + scrape * 1000;
      const result = appender.append(ref, baseMs + scrape * WRITE_INTERVAL_MS, value);
      if (result !== 'appended') throw new Error(`a sample was not taken: ${result}`);
    }
    await appender.commit();
  }
}

/** Opens a database that was not closed. */
async function replay(dir: string): Promise<Measurement> {
  const stop = measure();
  const db = await openDb(dir);
  const measured = stop();
  const { seriesCount: series, minTimeMs = 0, maxTimeMs = 0 } = db.headStats();
  return { ...measured, checks: { maxTimeMs, minTimeMs, series } };
}

/** Replays, then writes the head as a block. */
async function headToBlock(dir: string, dest: string): Promise<Measurement & { dir: string }> {
  const db = await openDb(dir);
  const { minTimeMs = 0, maxTimeMs = 0 } = db.headStats();
  const stop = measure();
  const meta = await db.writeHeadBlock(dest, { minTimeMs, maxTimeMs: maxTimeMs + 1 });
  const measured = stop();
  if (meta === undefined) throw new Error('the head had nothing for a block');
  const { numChunks: chunks, numSamples: samples, numSeries: series } = meta.stats;
  return { ...measured, checks: { chunks, samples, series }, dir: `${dest}/${meta.ulid}` };
}

/** The same; the cost is the size of the block. */
async function blockBytes(dir: string, dest: string): Promise<Measurement> {
  const { checks, dir: block } = await headToBlock(dir, dest);
  const files = readdirSync(block, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'meta.json')
    .map((entry) => statSync(`${entry.parentPath}/${entry.name}`).size);
  return { cost: files.reduce((sum, size) => sum + size, 0), checks };
}

/**
 * Memory of the head for each series after all scrapes: live bytes after a collection. What the
 * scrapers hold is gone by then, so that the texts of the labels count for the head.
 */
async function headBytes(loadDir: string, dir: string): Promise<Measurement> {
  const before = liveBytes();
  const db = await openDb(dir);
  await appendOneByOne(loadDir, db);
  const held = liveBytes() - before;
  const series = db.headStats().seriesCount;
  return { cost: held / series, checks: { series } };
}

async function appendOneByOne(loadDir: string, db: Db): Promise<void> {
  const load = readLoad(loadDir);
  const scrapers = makeScrapers(load, db);
  for (let scrape = 0; scrape < load.shape.scrapes; scrape++) {
    for (const scraper of scrapers) await scraper.append(scrape);
  }
}

function makeScrapers(load: Load, db: Db): Scraper[] {
  const { targets } = load.shape;
  return Array.from({ length: targets }, (_, target) => new Scraper(load, db, target));
}

function open(dir: string): Promise<Measurement> {
  return lookup(dir, '');
}

/** Opens all blocks of a directory, and finds the series of a target in each. */
async function lookup(dir: string, instance: string): Promise<Measurement> {
  const stop = measure();
  const options = { fs: diskFs, dir, clock: systemClock, logger: silentLogger };
  const { blocks } = await ReadOnlyDb.open(options);
  let series = 0;
  if (instance !== '') {
    for (const { index } of blocks) series += (await index.postings('instance', instance)).length;
  }
  const measured = stop();
  const found = { blocks: blocks.length };
  return { ...measured, checks: instance === '' ? found : { ...found, series } };
}

/** Merges blocks, on a worker thread as the upkeep of a store does. */
async function merge(parentDir: string, ...blockDirs: string[]): Promise<Measurement> {
  const stop = measure();
  const ulid = makeUlid(Date.now());
  const meta = await pool.run(mergeTask, { blockDirs, parentDir, ulid });
  const measured = stop();
  if (meta === undefined) throw new Error('the blocks had nothing to merge');
  const { numChunks: chunks, numSamples: samples, numSeries: series } = meta.stats;
  return { ...measured, checks: { chunks, samples, series } };
}

function openDb(dir: string): Promise<Db> {
  return Db.open({
    fs: diskFs,
    dir,
    clock: systemClock,
    logger: silentLogger,
    tasks: pool,
    maintenanceIntervalMs: 0,
  });
}

interface Load {
  readonly shape: LoadShape;
  readonly labels: readonly Labels[];
  readonly values: Float64Array;
}

function readLabels(dir: string): Labels[] {
  const lines = readFileSync(`${dir}/labels.jsonl`, 'utf8').trim().split('\n');
  return lines.map((line) =>
    makeLabels(Object.entries(JSON.parse(line) as Record<string, string>)),
  );
}

function readLoad(dir: string): Load {
  const shape = JSON.parse(readFileSync(`${dir}/shape.json`, 'utf8')) as LoadShape;
  const labels = readLabels(dir);
  const bytes = readFileSync(`${dir}/values.f64`);
  return {
    shape,
    labels,
    values: new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8),
  };
}

/** Appends the scrapes of one target, as the scrape loop does: by reference after the first. */
class Scraper {
  readonly #load: Load;
  readonly #db: Db;
  readonly #target: number;
  readonly #refs: Float64Array;

  constructor(load: Load, db: Db, target: number) {
    this.#load = load;
    this.#db = db;
    this.#target = target;
    this.#refs = new Float64Array(load.shape.seriesPerTarget);
  }

  async append(scrape: number): Promise<void> {
    const { shape, labels, values } = this.#load;
    const refs = this.#refs;
    const appender = this.#db.appender();
    const timeMs = shape.startMs + scrape * shape.intervalMs;
    const first = this.#target * refs.length;
    const firstValue = scrape * shape.targets * refs.length + first;
    for (let i = 0; i < refs.length; i++) {
      let ref = refs[i] ?? 0;
      if (ref === 0) refs[i] = ref = appender.series(labels[first + i] ?? []);
      const result = appender.append(ref, timeMs, values[firstValue + i] ?? NaN);
      if (result !== 'appended') throw new Error(`a sample was not taken: ${result}`);
    }
    await appender.commit();
  }
}

/** Returns a function that tells the wall and CPU seconds since. */
function measure(): () => { cost: number; cpuSeconds: number } {
  globalThis.gc?.();
  const start = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { cost: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}

/** The JavaScript heap and all buffers outside of it. */
function liveBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const commands: Readonly<Record<string, (...args: string[]) => Promise<Measurement>>> = {
  append,
  'bench-write': benchWrite,
  replay,
  'head-to-block': headToBlock,
  'block-bytes': blockBytes,
  'head-bytes': headBytes,
  open,
  lookup,
  merge,
};

async function main(name = '', ...args: string[]): Promise<void> {
  const command = commands[name];
  if (command === undefined) throw new Error(`unknown command ${name}`);
  const measured = await command(...args);
  process.stdout.write(`${JSON.stringify(measured)}\n`);
  // What was opened is left as a killed process leaves it.
  process.exit(0);
}

void main(...process.argv.slice(2));
