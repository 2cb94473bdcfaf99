// The whole plugin under clocks that are wrong by weeks, in simulated time: at a start, while it runs,
// on one node of three. No block of before goes, on the disk or in the file store, nothing that
// follows is refused, and what was stored under a wrong time is named.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { STORE_BLOCKS_DIR, STORE_DUMPS_DIR } from '../src/filestore/layout.ts';
import type { Fs } from '../src/base/ports/fs.ts';
import { isUlid, makeUlid } from '../src/model/ulid.ts';
import type { StoreStats } from '../src/services/stats/stats.ts';
import { SHARED_DIR } from './cluster/gated-fs.ts';
import { DB_DIR } from './cluster/sim-node.ts';
import type { SimNode } from './cluster/sim-node.ts';
import { SimWorld } from './cluster/sim-world.ts';
import { askJson } from './support/ask.ts';
import { makeBlock } from './support/make-block.ts';
import { readBlockSamples } from './support/tsdb-samples.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STORE = `${SHARED_DIR}/files`;
const BLOCKS = `${STORE}/${STORE_BLOCKS_DIR}`;
/** Of the file store and of the local disk: a margin below their retention, so that nothing is due. */
const STORED_DAYS = 14;
const LOCAL_DAYS = 2;
const CLEANUP_MINUTES = 3;
/** As upkeep merges them, so that a test is not long. */
const BLOCK_MS = 12 * HOUR_MS;
const SAMPLE_MS = 30 * MINUTE_MS;

interface Status {
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** Machines with two weeks of blocks behind them. */
class World {
  readonly sim: SimWorld;
  /** Times of the samples that were there before anything went wrong. */
  readonly oldTimes: number[] = [];

  constructor(nodeCount: number) {
    this.sim = new SimWorld(1, nodeCount);
    this.sim.settings = {
      scrapeintervalseconds: 60,
      filestorecleanupperiodminutes: CLEANUP_MINUTES,
      filestoresyncperiodminutes: CLEANUP_MINUTES,
    };
  }

  get nodes(): readonly SimNode[] {
    return this.sim.nodes;
  }

  /** All in the file store, the newest on the disk of each node. */
  async fill(): Promise<void> {
    const endMs = Math.floor(this.sim.startMs / BLOCK_MS) * BLOCK_MS;
    for (let fromMs = endMs - STORED_DAYS * DAY_MS; fromMs < endMs; fromMs += BLOCK_MS) {
      const range = [fromMs, fromMs + BLOCK_MS] as const;
      const ulid = makeUlid(range[1], () => (fromMs / HOUR_MS / 1e6) % 1);
      const samples: [number, number][] = [];
      for (let timeMs = fromMs; timeMs < range[1]; timeMs += SAMPLE_MS) samples.push([timeMs, 1]);
      this.oldTimes.push(...samples.map(([timeMs]) => timeMs));
      const series = [{ labels: { __name__: 'old' }, samples }];
      await makeBlock(this.sim.shared, BLOCKS, ulid, range, series);
      if (endMs - fromMs > LOCAL_DAYS * DAY_MS) continue;
      for (const { disk } of this.nodes) await makeBlock(disk, DB_DIR, ulid, range, series);
    }
  }

  async start(): Promise<void> {
    for (const node of this.nodes) node.start();
    await this.run(20 * MINUTE_MS);
  }

  run(durationMs: number): Promise<void> {
    return this.sim.runFor(durationMs);
  }

  async ask<T>(api: Parameters<typeof askJson>[0], path: string): Promise<T> {
    let answer: T | undefined;
    void askJson<T>(api, 'GET', path).then((value) => (answer = value));
    while (answer === undefined) await this.sim.runFor(20);
    return answer;
  }

  /** Whatever node answers: all that was ever there is there, and nothing was refused. */
  async check(): Promise<void> {
    for (const { name, hasRefused } of this.nodes) assert.ok(!hasRefused, `${name} has refused`);
    await this.#checkTimes(this.sim.shared, BLOCKS, this.oldTimes, 'the file store');
    const localMs = this.oldTimes.at(-1) ?? 0;
    const localTimes = this.oldTimes.filter((timeMs) => timeMs > localMs - LOCAL_DAYS * DAY_MS);
    for (const { disk, name } of this.nodes) {
      await this.#checkTimes(disk, DB_DIR, localTimes.slice(1), name);
    }
  }

  async #checkTimes(fs: Fs, dir: string, times: readonly number[], where: string): Promise<void> {
    const found = await timesOf(fs, dir, 'old');
    const missing = times.filter((timeMs) => !found.has(timeMs));
    assert.deepEqual(missing.slice(0, 3).map(iso), [], `${missing.length} missing in ${where}`);
  }

  async stop(): Promise<void> {
    const stopping = Promise.all(this.nodes.map((node) => node.stop()));
    let isDone = false;
    void stopping.then(() => (isDone = true));
    while (!isDone) await this.sim.runFor(50);
  }

  /** All that any database has taken, under whatever time, is in the file store after a stop. */
  async checkScrapes(): Promise<void> {
    const wanted = new Map<string, Set<number>>();
    for (const { samples } of this.sim.scrapes) {
      for (const { series, timestampMs } of samples) {
        if (!series.includes('sim_scrapes')) continue;
        const times = wanted.get(series) ?? new Set();
        wanted.set(series, times.add(timestampMs));
      }
    }
    const found = new Set(await timesOf(this.sim.shared, BLOCKS, 'sim_scrapes'));
    for (const times of wanted.values()) {
      const missing = [...times].filter((timeMs) => !found.has(timeMs));
      assert.deepEqual(missing.map(iso).slice(0, 3), [], `${missing.length} scrapes are missing`);
    }
  }

  async warnings(node: SimNode): Promise<Map<string, string>> {
    assert.ok(node.plugin !== undefined);
    const { warnings } = await this.ask<Status>(node.plugin.api, '/status');
    return new Map(warnings.map(({ code, message }) => [code, message]));
  }

  async stats(node: SimNode): Promise<StoreStats> {
    assert.ok(node.plugin !== undefined);
    return this.ask<StoreStats>(node.plugin.api, '/tsdb/stats');
  }
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Times of all samples of the series whose names begin so, in the blocks of a folder. */
async function timesOf(fs: Fs, dir: string, name: string): Promise<Set<number>> {
  const entries = await fs.list(dir);
  const dirs = entries.filter((each) => isUlid(each.name)).map((each) => `${dir}/${each.name}`);
  const times = new Set<number>();
  for (const [series, samples] of await readBlockSamples(fs, dirs)) {
    if (!series.includes(`__name__="${name}"`)) continue;
    for (const timeMs of samples.keys()) times.add(timeMs);
  }
  return times;
}

const STRAY_MESSAGE = /set aside/;
const TEN_PASSES_MS = 10 * CLEANUP_MINUTES * MINUTE_MS;

describe('a clock that is wrong by weeks', () => {
  for (const days of [40, -40]) {
    const wrongMs = days * DAY_MS;

    it(`${days} days for five minutes, on a server alone`, async () => {
      const world = new World(1);
      await world.fill();
      await world.start();
      const [node] = world.nodes;
      node.jump(wrongMs);
      await world.run(5 * MINUTE_MS);
      assert.ok((await world.warnings(node)).has('clock_wrong'));
      node.jump(-wrongMs);
      await world.check();
      await world.run(TEN_PASSES_MS);
      await world.check();
      await checkStrays(world, node, wrongMs);
      await world.stop();
      await world.checkScrapes();
      await world.check();
    });

    it(`${days} days at a start, for an hour, and right at the next start`, async () => {
      const world = new World(1);
      await world.fill();
      await world.start();
      const [node] = world.nodes;
      node.kill();
      node.jump(wrongMs);
      node.start();
      await world.run(30 * MINUTE_MS);
      node.kill();
      node.jump(-wrongMs);
      node.start();
      await world.run(TEN_PASSES_MS);
      await world.check();
      await checkStrays(world, node, wrongMs);
      await world.stop();
      await world.checkScrapes();
    });

    it(`${days} days when the plugin comes to a server that has data already`, async () => {
      const world = new World(1);
      await world.fill();
      const [node] = world.nodes;
      node.jump(wrongMs);
      await world.start();
      node.jump(-wrongMs);
      await world.run(TEN_PASSES_MS);
      await world.check();
      await world.stop();
      await world.checkScrapes();
    });

    for (const index of [0, 1]) {
      it(`${days} days on node ${index + 1} of three`, async () => {
        const world = new World(3);
        await world.fill();
        await world.start();
        const node = world.nodes[index];
        node.jump(wrongMs);
        await world.run(20 * MINUTE_MS);
        await world.check();
        node.jump(-wrongMs);
        await world.run(TEN_PASSES_MS);
        await world.check();
        await world.stop();
        await world.checkScrapes();
        await world.check();
      });
    }

    it(`${days} days on all nodes of three`, async () => {
      const world = new World(3);
      await world.fill();
      await world.start();
      for (const node of world.nodes) node.jump(wrongMs);
      await world.run(20 * MINUTE_MS);
      for (const node of world.nodes) node.jump(-wrongMs);
      const before = world.sim.scrapes.length;
      await world.run(5 * MINUTE_MS);
      assert.ok(world.sim.scrapes.length > before, 'some node is fit to scrape');
      await world.run(TEN_PASSES_MS);
      await world.check();
      await world.stop();
      await world.checkScrapes();
    });

    it(`${days} days leave uploads, temporaries and dumps that are under way alone`, async () => {
      const world = new World(1);
      await world.fill();
      await world.start();
      const paths = [
        `${BLOCKS}/${makeUlid(world.sim.startMs, () => 0.5)}/index`,
        `${BLOCKS}/.meta.json.tmp-abc`,
        `${STORE}/${STORE_DUMPS_DIR}/unknownjobunknownjobunknow/tsdb_dump.tar.gz`,
      ];
      for (const path of paths) await put(world.sim.shared, path);
      const [node] = world.nodes;
      node.jump(wrongMs);
      await world.run(2 * CLEANUP_MINUTES * MINUTE_MS);
      node.jump(-wrongMs);
      await world.run(2 * CLEANUP_MINUTES * MINUTE_MS);
      for (const path of paths) assert.ok(await world.sim.shared.stat(path), path);
      await world.stop();
    });
  }
});

describe('a clock that is right', () => {
  it('and a block whose times no Date knows: it is named, and the clean-up goes on', async () => {
    const world = new World(1);
    await world.fill();
    const { sim } = world;
    const samples: [number, number][] = [[sim.startMs, 1]];
    const range = [sim.startMs, Number.MAX_SAFE_INTEGER] as const;
    const ulid = makeUlid(sim.startMs - 1);
    await makeBlock(sim.shared, BLOCKS, ulid, range, [{ labels: { __name__: 'far' }, samples }]);
    await world.start();
    const warnings = await world.warnings(world.nodes[0]);
    assert.ok(warnings.get('blocks_set_aside')?.includes(ulid), [...warnings.values()].join());
    sim.settings = { ...sim.settings, retentiondurationdays: 3 };
    void world.nodes[0].plugin?.reconfigure();
    await world.run(2 * CLEANUP_MINUTES * MINUTE_MS);
    const left = await timesOf(sim.shared, BLOCKS, 'old');
    assert.ok(!left.has(world.oldTimes[0]), 'what is past the retention goes');
    await world.stop();
  });

  it('lets go of what is past a retention that was lowered, a day of it in each clean-up', async () => {
    const world = new World(1);
    await world.fill();
    await world.start();
    world.sim.settings = { ...world.sim.settings, retentiondurationdays: 3 };
    void world.nodes[0].plugin?.reconfigure();
    await world.run(CLEANUP_MINUTES * MINUTE_MS);
    const isOld = (timeMs: number): boolean => timeMs < world.sim.time.nowMs - 3 * DAY_MS;
    const first = [...(await timesOf(world.sim.shared, BLOCKS, 'old'))].filter(isOld);
    assert.ok(first.length > (8 * DAY_MS) / SAMPLE_MS, 'little goes at once');
    await world.run(12 * (CLEANUP_MINUTES + 1) * MINUTE_MS);
    const left = await timesOf(world.sim.shared, BLOCKS, 'old');
    const oldestMs = world.sim.time.nowMs - 3 * DAY_MS;
    assert.ok(Math.min(...left) > oldestMs - DAY_MS, iso(Math.min(...left)));
    for (const timeMs of world.oldTimes) assert.ok(timeMs < oldestMs || left.has(timeMs));
    await world.stop();
  });
});

/** The strays are named in the panel and listed, and are no part of what there is to see. */
async function checkStrays(world: World, node: SimNode, wrongMs: number): Promise<void> {
  const warnings = await world.warnings(node);
  assert.match(warnings.get('blocks_set_aside') ?? '', STRAY_MESSAGE);
  assert.ok(!warnings.has('clock_wrong'));
  const stats = await world.stats(node);
  const nowMs = world.sim.time.nowMs;
  assert.ok(stats.max_t <= nowMs && stats.max_t > nowMs - 5 * MINUTE_MS, iso(stats.max_t));
  assert.equal(stats.min_t, world.oldTimes[0]);
  const aside = stats.set_aside ?? [];
  assert.ok(aside.length > 0);
  for (const { min_t: minT } of aside) assert.ok(Math.abs(minT - nowMs - wrongMs) < DAY_MS);
}

async function put(fs: Fs, path: string): Promise<void> {
  await fs.makeDir(path.slice(0, path.lastIndexOf('/')));
  const file = await fs.open(path, 'create');
  await file.write(new Uint8Array(3));
  await file.sync();
  await file.close();
}
