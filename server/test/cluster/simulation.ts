import { STORE_BLOCKS_DIR, STORE_DUMPS_DIR } from '../../src/filestore/layout.ts';
import { silentLogger } from '../../src/base/log.ts';
import { formatLabels } from '../../src/model/labels.ts';
import type { Fs } from '../../src/base/ports/fs.ts';
import type { DumpJob } from '../../src/services/jobs/job.ts';
import { mergeTask, parseSelector, ReadOnlyDb, tsdbTasks } from '../../src/tsdb/index.ts';
import { ask, askJson } from '../support/ask.ts';
import { inlineTasks } from '../support/inline-tasks.ts';
import { MemoryFs } from '../support/memory-fs.ts';
import { SHARED_DIR } from './gated-fs.ts';
import { NODE_COUNT } from './schedule.ts';
import type { Fault } from './schedule.ts';
import { SCRAPE_INTERVAL_MS, unpackPlain } from './sim-node.ts';
import type { SimNode } from './sim-node.ts';
import type { Silence } from './silence.ts';
import { SimWorld } from './sim-world.ts';

const STORE = `${SHARED_DIR}/files`;
const HOUR_MS = 3_600_000;
const REFRESH_MS = 7_500;
const TAKE_OVER_MS = 30_000;
/** Silence has no moment at which it begins: it counts when nothing was stored for so long. */
const PATIENCE_MS = 15_000 + 5_000;
/** What was scraped this long before a dump was asked for must be in it. */
const FRESH_MS = 60_000;
/** For a dump that was interrupted twice, with the looks of those who find it. */
const JOBS_MS = 8 * 60_000;

/** A dump that was asked for. */
interface Asked {
  readonly id: string;
  readonly atMs: number;
  /** By the clock of the node that was asked. */
  readonly maxTimeMs: number;
}

/** What a run came to: sentences about what must not be, and the logs of all nodes. */
export interface Outcome {
  readonly violations: readonly string[];
  /** When the samples that are stored were scraped, from the start of the run on, in their order. */
  readonly scrapedMs: readonly number[];
  readonly log: readonly string[];
}

/** Runs the plugin on three machines through the faults, lets all be well again, and looks. */
export async function simulate(seed: number, faults: readonly Fault[]): Promise<Outcome> {
  const random = Math.random;
  const world = new SimWorld(seed, NODE_COUNT);
  // Backoffs and ULIDs shall be the same in each run of a seed.
  Math.random = () => world.random.next();
  try {
    const run = new Simulation(world, faults);
    await run.play();
    const violations = await run.judge();
    const log = world.nodes.flatMap((node) => node.log).sort((a, b) => timeOf(a) - timeOf(b));
    const scrapedMs = world.scrapes.map((scrape) => scrape.scrapedMs - world.startMs);
    return { violations, scrapedMs: scrapedMs.sort((a, b) => a - b), log };
  } finally {
    Math.random = random;
  }
}

function timeOf(line: string): number {
  return Number.parseFloat(line);
}

class Simulation {
  readonly #world: SimWorld;
  readonly #faults: readonly Fault[];
  readonly #asked: Asked[] = [];
  readonly #violations: string[] = [];
  /** Each second: whether a node was well. */
  readonly #health: boolean[][] = [];

  constructor(world: SimWorld, faults: readonly Fault[]) {
    this.#world = world;
    this.#faults = faults;
  }

  async play(): Promise<void> {
    const { clock, nodes, startMs } = this.#world;
    for (const [index, node] of nodes.entries()) {
      void clock.sleep(index * 700).then(() => node.start());
    }
    for (const fault of this.#faults) void this.#inflict(fault);
    const lastMs = Math.max(0, ...this.#faults.map((fault) => fault.atMs + fault.durationMs));
    const endMs = startMs + lastMs + 3 * 60_000;
    while (this.#world.time.nowMs < endMs) await this.#second();
    for (let waitedMs = 0; waitedMs < JOBS_MS; waitedMs += 1_000) {
      if ((await this.#openJobs()).length === 0) break;
      await this.#second();
    }
  }

  async judge(): Promise<readonly string[]> {
    this.#judgeScrapers();
    this.#judgeGaps();
    for (const { id, status } of await this.#openJobs()) {
      this.#violations.push(`dump ${id} is ${status} for ever`);
    }
    await this.#judgeDumps();
    for (const node of this.#world.nodes) await this.#live(node.stop());
    await this.#judgeBlocks();
    await this.#judgeRemains();
    return this.#violations;
  }

  async #second(): Promise<void> {
    await this.#world.runFor(1_000);
    this.#health.push(this.#world.nodes.map((node) => node.isHealthy));
  }

  /** Lets the world run while something is waited for. */
  async #live<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    done.catch(() => undefined);
    while (!isDone) await this.#world.runFor(50);
    return done;
  }

  async #inflict(fault: Fault): Promise<void> {
    const { clock } = this.#world;
    const node = this.#world.nodes[fault.node];
    await clock.sleep(fault.atMs);
    node.log.push(`${(fault.atMs / 1000).toFixed(3)} ${node.name} FAULT ${JSON.stringify(fault)}`);
    if (fault.kind === 'dump') {
      await this.#askForDump(node);
      return;
    }
    const heal = this.#begin(fault, node);
    await clock.sleep(fault.durationMs);
    heal();
  }

  #begin({ kind, amount, durationMs }: Fault, node: SimNode): () => void {
    switch (kind) {
      case 'kill':
        node.kill();
        return () => node.start();
      case 'stop': {
        const stopped = node.stop();
        return () => void stopped.then(() => node.start());
      }
      case 'pause':
      case 'suspend':
        node.pause();
        return () => node.resume(kind === 'suspend' ? durationMs : 0);
      case 'cut':
        node.link.isCut = true;
        return () => (node.link.isCut = false);
      case 'outage':
        for (const { link } of this.#world.nodes) link.isCut = true;
        return () => {
          for (const { link } of this.#world.nodes) link.isCut = false;
        };
      case 'slow':
        node.link.latencyMaxMs = 15 + amount;
        return () => (node.link.latencyMaxMs = 15);
      case 'lag':
        node.link.lagMs = amount;
        return () => (node.link.lagMs = 0);
      case 'jump':
        node.jump(amount - node.aheadMs);
        return () => {};
      case 'deaf':
        node.isDeaf = true;
        return () => (node.isDeaf = false);
      case 'disk':
        node.diskMaxMs = amount;
        return () => (node.diskMaxMs = 0);
      case 'full':
        node.isDiskFull = true;
        return () => (node.isDiskFull = false);
      case 'hangDisk':
        return silent(node.diskSilence);
      case 'hangStore':
        return silent(node.storeSilence);
      case 'hangDatabase':
        return silent(node.link.silence);
      case 'hangDatabases': {
        const ends = this.#world.nodes.map(({ link }) => silent(link.silence));
        return () => {
          for (const end of ends) end();
        };
      }
      case 'hangScrapes':
        return silent(node.scrapeSilence);
      case 'hangEvents':
        node.isPublishSilent = true;
        return () => (node.isPublishSilent = false);
      case 'dump':
        return () => {};
    }
  }

  async #askForDump(node: SimNode): Promise<void> {
    const { plugin } = node;
    if (plugin === undefined) return;
    const atMs = this.#world.time.nowMs;
    const range = { min_t: atMs - HOUR_MS, max_t: atMs + 2 * HOUR_MS };
    try {
      const { id } = await askJson<DumpJob>(plugin.api, 'POST', '/jobs/create', range);
      this.#asked.push({ id, atMs, maxTimeMs: atMs });
    } catch {
      // An administrator who is told that it did not work knows.
    }
  }

  async #openJobs(): Promise<DumpJob[]> {
    const jobs = await this.#jobs();
    return jobs.filter(({ status }) => status !== 'success' && status !== 'error');
  }

  async #jobs(): Promise<DumpJob[]> {
    const plugin = this.#world.nodes[0].plugin;
    if (plugin === undefined) throw new Error('the first node does not run at the end');
    return this.#live(askJson<DumpJob[]>(plugin.api, 'GET', '/jobs'));
  }

  /** Times in which one node makes scrape after scrape that are stored, at once or later. */
  #tenures(): { node: SimNode; fromMs: number; toMs: number }[] {
    const tenures: { node: SimNode; fromMs: number; toMs: number }[] = [];
    const scrapes = [...this.#world.scrapes].sort((a, b) => a.scrapedMs - b.scrapedMs);
    for (const { node, scrapedMs } of scrapes) {
      const open = tenures.findLast((tenure) => tenure.node === node);
      const isSame = open !== undefined && scrapedMs - open.toMs <= 2.5 * SCRAPE_INTERVAL_MS;
      if (isSame) open.toMs = scrapedMs;
      else tenures.push({ node, fromMs: scrapedMs, toMs: scrapedMs });
    }
    return tenures;
  }

  #judgeScrapers(): void {
    const has = (...kinds: string[]): boolean => this.#faults.some((f) => kinds.includes(f.kind));
    // Only a clock that is wrong lets a lock end too early; then the next refresh, of two calls of at
    // most 3 s each, tells. Otherwise nothing but a commit on its way to the disk comes too late.
    const wrongClockMs = has('jump') ? REFRESH_MS + (has('slow') ? 6_000 : 1_000) : 0;
    const boundMs = wrongClockMs + (has('disk') ? 2_000 : 100);
    const tenures = this.#tenures();
    for (const [index, a] of tenures.entries()) {
      for (const b of tenures.slice(index + 1)) {
        if (a.node === b.node) continue;
        const bothMs = Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs);
        if (bothMs <= boundMs) continue;
        const names = `${a.node.name} and ${b.node.name}`;
        const from = this.#seconds(Math.max(a.fromMs, b.fromMs));
        this.#violations.push(`${names} both scrape for ${bothMs} ms from ${from} s on`);
      }
    }
  }

  /** While one node is well for as long as a take-over may take, somebody scrapes within that time. */
  #judgeGaps(): void {
    const lags = this.#faults.filter(({ kind }) => kind === 'lag').map(({ amount }) => amount);
    const isSilence = this.#faults.some(({ kind }) => kind.startsWith('hang'));
    const silenceMs = isSilence ? PATIENCE_MS : 0;
    const boundMs = TAKE_OVER_MS + SCRAPE_INTERVAL_MS + silenceMs + Math.max(0, ...lags);
    const times = this.#world.scrapes.map(({ atMs }) => atMs);
    const isScrapedIn = (fromMs: number, toMs: number): boolean =>
      times.some((atMs) => atMs > fromMs && atMs <= toMs);
    const wellSince = this.#world.nodes.map(() => 0);
    for (const [second, health] of this.#health.entries()) {
      const nowMs = this.#world.startMs + second * 1_000;
      for (const [index, isWell] of health.entries()) if (!isWell) wellSince[index] = second + 1;
      if (second - Math.min(...wellSince) < boundMs / 1_000) continue;
      if (isScrapedIn(nowMs - boundMs, nowMs)) continue;
      this.#violations.push(`nobody has scraped for ${boundMs / 1_000} s at ${second} s`);
      return;
    }
    for (let second = this.#health.length - 60; second < this.#health.length; second++) {
      const nowMs = this.#world.startMs + second * 1_000;
      if (isScrapedIn(nowMs - 2 * SCRAPE_INTERVAL_MS, nowMs)) continue;
      this.#violations.push(`scrapes are missing at ${second} s, when all is well again`);
      return;
    }
  }

  /** What was stored a minute before a dump was asked for is in it, unless the job says otherwise. */
  async #judgeDumps(): Promise<void> {
    const { plugin } = this.#world.nodes[0];
    const jobs = await this.#jobs();
    for (const { id, atMs } of this.#asked) {
      const job = jobs.find((each) => each.id === id);
      if (job === undefined) this.#violations.push(`dump ${id} is gone`);
      if (plugin === undefined || job?.status !== 'success' || job.error !== undefined) continue;
      const answer = await this.#live(ask(plugin.api, 'GET', `/jobs/download/${id}`));
      const fs = new MemoryFs();
      await unpackPlain(fs, answer.body, 'dump');
      await this.#judgeSamples(`dump ${id}`, fs, 'dump', atMs - FRESH_MS);
    }
  }

  /** All samples are there, and still are when all blocks of all scrapers are merged to one. */
  async #judgeBlocks(): Promise<void> {
    const { shared } = this.#world;
    const dir = `${STORE}/${STORE_BLOCKS_DIR}`;
    await this.#judgeSamples('the file store', shared, dir, Infinity);
    const ulids = await namesIn(shared, dir);
    const blockDirs = ulids.map((ulid) => `${dir}/${ulid}`);
    const input = { blockDirs, parentDir: 'merged', ulid: ulids[0] };
    await shared.makeDir('merged');
    await inlineTasks(tsdbTasks(shared)).run(mergeTask, input);
    await this.#judgeSamples('the merged block', shared, 'merged', Infinity);
  }

  /** Each sample that was acknowledged up to `untilMs` is in the blocks of a folder. */
  async #judgeSamples(what: string, fs: Fs, dir: string, untilMs: number): Promise<void> {
    const stored = await this.#readSamples(fs, dir);
    const valid = this.#acknowledged();
    let missing = 0;
    let example = '';
    for (const { atMs, node, samples } of this.#world.scrapes) {
      if (atMs > untilMs) break;
      for (const { series, timestampMs } of samples) {
        const key = `${series} ${timestampMs}`;
        const value = stored.get(key);
        if (value !== undefined && valid.get(key)?.has(value) === true) continue;
        missing++;
        example ||= `${series} of ${node.name} at ${this.#seconds(timestampMs)} s`;
      }
    }
    if (missing > 0) {
      this.#violations.push(`${what} lacks ${missing} samples, such as ${example}`);
    }
  }

  /**
   * What was acknowledged, by series and time. Two nodes whose clocks differ scrape the same series at
   * what they take for the same time; one of their values stays.
   */
  #acknowledged(): Map<string, Set<number>> {
    const values = new Map<string, Set<number>>();
    for (const { samples } of this.#world.scrapes) {
      for (const { series, timestampMs, value } of samples) {
        const key = `${series} ${timestampMs}`;
        values.set(key, (values.get(key) ?? new Set()).add(value));
      }
    }
    return values;
  }

  async #readSamples(fs: Fs, dir: string): Promise<Map<string, number>> {
    const samples = new Map<string, number>();
    const { clock } = this.#world;
    const db = await ReadOnlyDb.open({ fs, dir, clock, logger: silentLogger });
    const bits = new DataView(new ArrayBuffer(8));
    const querier = await db.querier({ minTimeMs: 0, maxTimeMs: this.#world.time.nowMs * 2 });
    const set = await querier.select(await parseSelector('{__name__=~".+"}'));
    while (await set.next()) {
      const name = formatLabels(set.labels);
      const source = await set.samples();
      while (source.next()) {
        bits.setInt32(0, source.valueHi);
        bits.setInt32(4, source.valueLo);
        samples.set(`${name} ${source.timeMs}`, bits.getFloat64(0));
      }
    }
    await db.close();
    return samples;
  }

  /** A day later the file store holds whole blocks and finished dumps, the machines nothing of dumps. */
  async #judgeRemains(): Promise<void> {
    const [node] = this.#world.nodes;
    const jobs = new Map<string, DumpJob>();
    await this.#world.runFor(25 * HOUR_MS);
    node.start();
    await this.#world.runFor(3 * 60_000);
    for (const job of await this.#jobs()) jobs.set(job.id, job);
    await this.#live(node.stop());
    const { shared } = this.#world;
    for (const path of await filesBelow(shared, STORE)) {
      if (path.includes('.tmp-')) this.#violations.push(`a temporary file stays: ${path}`);
    }
    const blocks = `${STORE}/${STORE_BLOCKS_DIR}`;
    for (const ulid of await namesIn(shared, blocks)) {
      const names = await namesIn(shared, `${blocks}/${ulid}`);
      if (!names.includes('meta.json')) this.#violations.push(`a part of block ${ulid} stays`);
    }
    const dumps = `${STORE}/${STORE_DUMPS_DIR}`;
    for (const id of await namesIn(shared, dumps)) {
      const names = await namesIn(shared, `${dumps}/${id}`);
      const isWhole = jobs.get(id)?.status === 'success' && names.join() === 'tsdb_dump.tar.gz';
      if (!isWhole) this.#violations.push(`remains of dump ${id} stay: ${names.join(', ')}`);
    }
  }

  #seconds(timeMs: number): number {
    return (timeMs - this.#world.startMs) / 1_000;
  }
}

/** Begins a silence; the result ends it. */
function silent(silence: Silence): () => void {
  silence.begin();
  return () => silence.end();
}

async function namesIn(fs: Fs, dir: string): Promise<string[]> {
  if ((await fs.stat(dir)) === undefined) return [];
  return (await fs.list(dir)).map(({ name }) => name);
}

async function filesBelow(fs: Fs, dir: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, isDirectory } of await fs.list(dir)) {
    const path = `${dir}/${name}`;
    if (isDirectory) files.push(...(await filesBelow(fs, path)));
    else files.push(path);
  }
  return files;
}
