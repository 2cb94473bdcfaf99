import type { ArchivePacker } from '../../src/base/ports/archive.ts';
import type { Fs } from '../../src/base/ports/fs.ts';
import { CodedError } from '../../src/base/errors.ts';
import type { HttpClient } from '../../src/base/ports/http-client.ts';
import type { Logger } from '../../src/base/log.ts';
import type { MetricsDb } from '../../src/plugin/database-keeper.ts';
import type { ClusterEvent, Host } from '../../src/plugin/host.ts';
import { MetricsPlugin } from '../../src/plugin/metrics-plugin.ts';
import { formatLabels } from '../../src/model/labels.ts';
import type { Labels } from '../../src/model/labels.ts';
import type { Appender, SeriesRef } from '../../src/storage/appender.ts';
import { Db, tsdbTasks } from '../../src/tsdb/index.ts';
import { SINGLE_SERVER } from '../support/fake-host.ts';
import { FakeProcessStats } from '../support/fake-process-stats.ts';
import { inlineTasks } from '../support/inline-tasks.ts';
import { MemoryFs } from '../support/memory-fs.ts';
import { CLOCK_JUMP_MS } from '../../src/tsdb/limits.ts';
import { SHARED_DIR, gatedFs } from './gated-fs.ts';
import { DatabaseLink } from './sim-database.ts';
import { Silence } from './silence.ts';
import { NodeClock } from './sim-time.ts';
import type { SimWorld } from './sim-world.ts';

export const PLUGIN_ID = 'com.mattermost.mattermost-plugin-metrics';
export const SCRAPE_INTERVAL_MS = 5_000;
export const DB_DIR = 'own/tsdb';
/** Short, so that a run sees the head cut. */
const BLOCK_RANGE_MS = 4 * 60_000;

/** A sample that the database of a scraper has taken. */
export interface Acknowledged {
  readonly series: string;
  readonly timestampMs: number;
  readonly value: number;
}

/** One run of the plugin's process. */
interface Run {
  readonly plugin: MetricsPlugin;
  readonly clock: NodeClock;
  /** Answers that wait until the process goes on. */
  held: (() => void)[];
  isKilled: boolean;
  /** How many faults keep it stopped, since when, and for how long of that its machine was suspended. */
  stops: number;
  stoppedAtMs: number;
  suspendedMs: number;
}

/** A machine of the cluster: its disk and its clock outlive the processes of the plugin. */
export class SimNode {
  readonly name: string;
  readonly link = new DatabaseLink();
  /** What events of other nodes do not reach. */
  isDeaf = false;
  isDiskFull = false;
  /** Its disk, its way to the file store, and its scrapes: while silent, nothing fails or returns. */
  readonly diskSilence = new Silence();
  readonly storeSilence = new Silence();
  readonly scrapeSilence = new Silence();
  /** Whether an event that it publishes is never confirmed. */
  isPublishSilent = false;
  /** Whether its database has refused a sample as out of order or out of bounds. */
  hasRefused = false;
  /** How long each operation of its disk takes at most. */
  diskMaxMs = 0;
  /** By how much its time of day is ahead, and was at most: its database has samples from then. */
  aheadMs = 0;
  #aheadMaxMs = 0;
  readonly #world: SimWorld;
  #suspendedMs = 0;
  #disk: MemoryFs;
  #run: Run | undefined;
  #scrapes = 0;
  /** Names of the series of the running database. */
  readonly #series = new Map<SeriesRef, string>();
  /** Time of the newest sample of each series that was appended. */
  readonly #newest = new Map<string, number>();
  /** What the plugin logged, for a failed run. */
  readonly log: string[] = [];

  constructor(world: SimWorld, name: string) {
    this.#world = world;
    this.name = name;
    this.#disk = new MemoryFs(undefined, () => world.time.nowMs);
  }

  get plugin(): MetricsPlugin | undefined {
    return this.#run?.plugin;
  }

  /** What is on it survives the processes. */
  get disk(): MemoryFs {
    return this.#disk;
  }

  /** Whether a process runs that is not stopped and can reach the database. */
  get isHealthy(): boolean {
    const isRunning = this.#run !== undefined && !this.#run.clock.isStopped;
    const isDiskWell = this.diskMaxMs < 100 && !this.isDiskFull;
    const hears = !this.link.silence.isSilent && !this.scrapeSilence.isSilent;
    const isHeard = hears && !this.diskSilence.isSilent;
    const isFast = this.link.latencyMaxMs < 500 && isDiskWell;
    return (
      isRunning && isHeard && isFast && !this.link.isCut && this.aheadMs > this.#aheadMaxMs - 10_000
    );
  }

  start(): void {
    if (this.#run !== undefined) return;
    const clock = new NodeClock(this.#world.time);
    clock.aheadMs = this.aheadMs;
    clock.suspendedMs = this.#suspendedMs;
    const held: (() => void)[] = [];
    const state = { held, isKilled: false, stops: 0, stoppedAtMs: 0, suspendedMs: 0 };
    const gate = async (): Promise<void> => {
      if (state.isKilled || clock.isStopped) await new Promise<void>((go) => state.held.push(go));
    };
    const plugin = this.#makePlugin(clock, gate);
    this.#run = Object.assign(state, { plugin, clock });
    plugin.start();
  }

  /** The process ends in the middle of whatever it does. */
  kill(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    run.isKilled = true;
    run.held = [];
    run.clock.isStopped = true;
    this.#world.time.forget(run.clock);
    this.#disk = this.#disk.survivor('kill');
  }

  /** The host ends the plugin, and its process after 10 s at most. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined || run.clock.isStopped) {
      this.kill();
      return;
    }
    await Promise.race([run.plugin.stop(), this.#world.clock.sleep(10_000)]);
    if (this.#run === run) this.kill();
  }

  /** The process stands still (SIGSTOP), or with it the whole machine. */
  pause(): void {
    const run = this.#run;
    if (run === undefined) return;
    if (run.stops++ === 0) run.stoppedAtMs = this.#world.time.nowMs;
    run.clock.isStopped = true;
  }

  /**
   * One of the faults that keep it stopped is over; a process that began meanwhile has none.
   *
   * @param suspendedMs how long the machine was suspended; 0 when only the process was stopped
   */
  resume(suspendedMs = 0): void {
    const run = this.#run;
    if (run === undefined || run.stops === 0) return;
    run.suspendedMs += suspendedMs;
    if (--run.stops > 0) return;
    const stoodStillMs = Math.min(run.suspendedMs, this.#world.time.nowMs - run.stoppedAtMs);
    run.suspendedMs = 0;
    this.#suspendedMs += stoodStillMs;
    run.clock.suspendedMs = this.#suspendedMs;
    this.#world.time.delay(run.clock, stoodStillMs);
    run.clock.isStopped = false;
    const { held } = run;
    run.held = [];
    for (const go of held) go();
  }

  /** Sets the time of day of the machine. */
  jump(byMs: number): void {
    this.#aheadMaxMs = Math.max(this.#aheadMaxMs, this.aheadMs);
    this.aheadMs += byMs;
    if (this.#run !== undefined) this.#run.clock.aheadMs = this.aheadMs;
  }

  /** Somebody scrapes this node. */
  exposition(path: string): string {
    if (path !== '/metrics') return 'own 1\n';
    this.#scrapes++;
    return `# TYPE sim_scrapes counter\nsim_scrapes ${this.#scrapes}\nsim_up{of="${this.name}"} 1\n`;
  }

  /** The event of another node, once the process goes on. */
  async hear(event: ClusterEvent): Promise<void> {
    const run = this.#run;
    if (run === undefined || this.isDeaf) return;
    if (run.clock.isStopped) await new Promise<void>((go) => run.held.push(go));
    run.plugin.onClusterEvent(event);
  }

  #makePlugin(clock: NodeClock, gate: () => Promise<void>): MetricsPlugin {
    const world = this.#world;
    const disk = async (): Promise<void> => {
      if (this.diskMaxMs > 0) await clock.sleep(world.random.int(this.diskMaxMs));
      await gate();
    };
    const silences = { own: this.diskSilence, shared: this.storeSilence };
    const fs = gatedFs(this.#disk, world.shared, disk, () => this.isDiskFull, silences);
    const tasks = inlineTasks(tsdbTasks(fs));
    return new MetricsPlugin(
      this.#makeHost(clock, gate),
      {
        fs,
        makeStoreFs: () => fs,
        clock,
        http: this.#makeHttp(gate),
        resolver: { resolve: () => Promise.resolve([]) },
        process: new FakeProcessStats(),
        packer: plainPacker,
        tasks,
        randomBytes: (count) => Uint8Array.from({ length: count }, () => world.random.int(256)),
        hostname: this.name,
        openDb: async (dir, logger) => {
          const options = { blockRangeMs: BLOCK_RANGE_MS, maintenanceIntervalMs: 30_000 };
          return this.#watch(await Db.open({ ...options, fs, dir, clock, logger, tasks }));
        },
      },
      { id: PLUGIN_ID, version: '0.8.0' },
    );
  }

  #makeHost(clock: NodeClock, gate: () => Promise<void>): Host {
    const world = this.#world;
    const { nodes, lockEnd, ...kv } = world.database.connect(this.link, clock, world.clock, gate);
    const settings = {
      dbpath: DB_DIR,
      scrapeintervalseconds: SCRAPE_INTERVAL_MS / 1000,
      enablenodeexportertargets: false,
    };
    return {
      log: this.#makeLog(),
      loadSettings: () => Promise.resolve({ ...settings, ...world.settings }),
      serverConfig: () =>
        Promise.resolve({
          ...SINGLE_SERVER,
          isCluster: true,
          fileDirectory: `${SHARED_DIR}/files`,
          ...world.config,
        }),
      isPluginRunning: () => Promise.resolve(false),
      hasMetricsLicense: () => Promise.resolve(true),
      kv,
      query: async (sql, args) => {
        if (sql.includes('ClusterDiscovery')) return { rows: await nodes() };
        if (sql.includes('now()')) return { rows: [[world.time.nowMs]] };
        const endMs = await lockEnd(String(args[1]));
        return { rows: endMs === undefined ? [] : [[endMs]] };
      },
      publish: async (event) => {
        await world.publish(this, event);
        if (this.isPublishSilent) await new Promise(() => {});
      },
      isAdministrator: () => Promise.resolve(true),
      identity: () =>
        Promise.resolve({ serverVersion: '11.8.0', serverId: '', licenseId: '', customerId: '' }),
      registerCommand: () => Promise.resolve(),
      sendEphemeral: () => Promise.resolve(),
    };
  }

  #makeHttp(gate: () => Promise<void>): HttpClient {
    const world = this.#world;
    return {
      get: async (url, { signal }) => {
        const { hostname, pathname } = new URL(url);
        await world.clock.sleep(5 + world.random.int(40));
        await this.scrapeSilence.pass();
        await gate();
        signal?.throwIfAborted();
        const body = new TextEncoder().encode(this.#named(hostname).exposition(pathname));
        const contentType = 'text/plain; version=0.0.4';
        return { status: 200, statusText: 'OK', contentType, body, release: () => {} };
      },
    };
  }

  /** A server without other nodes scrapes itself. */
  #named(hostname: string): SimNode {
    return hostname === 'localhost' ? this : this.#world.node(hostname);
  }

  #makeLog(): Logger {
    const write = (level: string) => (message: string, fields?: object) => {
      const timeMs = this.#world.time.nowMs - this.#world.startMs;
      const text = fields === undefined ? '' : ` ${JSON.stringify(fields, readable)}`;
      this.log.push(`${(timeMs / 1000).toFixed(3)} ${this.name} ${level}: ${message}${text}`);
    };
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  }

  /**
   * Whether a clock that was set back by less than a minute gave the sample an older time than the one
   * before: it is refused, though on commit alone when both waited in memory.
   */
  #isBehind(series: string, timestampMs: number): boolean {
    const backMs = (this.#newest.get(series) ?? -Infinity) - timestampMs;
    if (backMs >= 0 && backMs <= CLOCK_JUMP_MS) return true;
    this.#newest.set(series, timestampMs);
    return false;
  }

  /** The database, with what it acknowledges noted. */
  #watch(db: Db): MetricsDb {
    const noted = (inner: Appender): Appender => {
      const pending: Acknowledged[] = [];
      const scrapedMs = this.#world.time.nowMs;
      return {
        series: (labels: Labels) => {
          const ref = inner.series(labels);
          this.#series.set(ref, formatLabels(labels));
          return ref;
        },
        append: (ref, timestampMs, value) => {
          const result = inner.append(ref, timestampMs, value);
          const series = this.#series.get(ref) ?? '?';
          if (result === 'appended' && !this.#isBehind(series, timestampMs)) {
            pending.push({ series, timestampMs, value });
          }
          return result;
        },
        appendStale: (ref, timestampMs) => inner.appendStale(ref, timestampMs),
        commit: async () => {
          await inner.commit();
          const { outOfOrderSamples, outOfBoundsSamples } = db.headStats();
          if (outOfOrderSamples + outOfBoundsSamples > 0) this.hasRefused = true;
          this.#world.acknowledge(this, scrapedMs, pending.splice(0));
        },
        rollback: () => {
          pending.length = 0;
          inner.rollback();
        },
      };
    };
    this.#series.clear();
    this.#newest.clear();
    return {
      dir: db.dir,
      reference: db.reference,
      appender: () => noted(db.appender()),
      blocks: () => db.blocks(),
      headStats: () => db.headStats(),
      walStats: () => db.walStats(),
      writeHeadBlock: (dir, range) => db.writeHeadBlock(dir, range),
      flush: () => db.flush(),
      keepPlace: () => db.keepPlace(),
      exposedTo: () => db.exposedTo(),
      close: () => db.close(),
    };
  }
}

function readable(_: string, value: unknown): unknown {
  if (value instanceof CodedError) return `${value.code} ${value.message} ${String(value.cause)}`;
  return value instanceof Error ? value.message : value;
}

/** An archive that a test reads without unpacking: a line of JSON before the bytes of each file. */
const plainPacker: ArchivePacker = {
  async *pack(entries) {
    for await (const { path, sizeBytes, open } of entries) {
      yield new TextEncoder().encode(`${JSON.stringify({ path, sizeBytes })}\n`);
      let readBytes = 0;
      for await (const piece of open()) {
        readBytes += piece.length;
        yield piece;
      }
      if (readBytes !== sizeBytes) throw new CodedError('ERR_ARCHIVE_SIZE', `${path} has changed`);
    }
  },
};

/** Writes the files of such an archive below `dir`. */
export async function unpackPlain(fs: Fs, archive: Uint8Array, dir: string): Promise<void> {
  for (let at = 0; at < archive.length;) {
    const lineEnd = archive.indexOf(10, at);
    const line = new TextDecoder().decode(archive.subarray(at, lineEnd));
    const { path, sizeBytes } = JSON.parse(line) as { path: string; sizeBytes: number };
    const file = `${dir}/${path}`;
    await fs.makeDir(file.slice(0, file.lastIndexOf('/')));
    const open = await fs.open(file, 'create');
    await open.write(archive.slice(lineEnd + 1, lineEnd + 1 + sizeBytes));
    await open.close();
    at = lineEnd + 1 + sizeBytes;
  }
}
