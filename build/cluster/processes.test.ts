// The real executable on three nodes with one PostgreSQL; they are killed, stopped, continued and cut
// off, and disks fail: what simulation.test.ts promises must hold for processes as well.
//   CLUSTER_SEED       seed of the first run; printed with each failure
//   CLUSTER_PROCESSES  how many seeds follow one another
//   CLUSTER_SHRINK     1: a run that fails is repeated with fewer faults, for as long as it fails
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { diskFs } from '../../server/src/platform/disk-fs.ts';
import { systemClock } from '../../server/src/platform/system-clock.ts';
import { silentLogger } from '../../server/src/base/log.ts';
import { STORE_BLOCKS_DIR, STORE_DUMPS_DIR } from '../../server/src/filestore/layout.ts';
import { ReadOnlyDb, parseSelector } from '../../server/src/tsdb/index.ts';
import { shrink } from '../../server/test/cluster/schedule.ts';
import { type DevHost, startDevHost } from '../devhost/host.ts';
import { PostgresDatabase } from '../devhost/postgres-store.ts';
import {
  pluginJson,
  skipWithoutExecutable,
  skipWithoutPostgres,
  skipWithoutStrace,
} from '../devhost/test-support.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { temporaryDir } from '../support/temporary.ts';
import { waitUntil } from '../support/wait.ts';
import { Observer } from './observer.ts';
import {
  makeProcessSchedule,
  NODE_COUNT,
  type ProcessFault,
  type ProcessSchedule,
} from './process-schedule.ts';

const runs = Number(process.env.CLUSTER_PROCESSES ?? 20);
const firstSeed = Number(process.env.CLUSTER_SEED ?? Math.floor(Math.random() * 2 ** 31));

const shrinks = process.env.CLUSTER_SHRINK === '1';

const INTERVAL_MS = 1_000;
const TAKE_OVER_MS = 30_000;
/** No clock is wrong here, so only a commit on its way to the disk may come late. */
const BOTH_SCRAPE_MS = 2_000;
/** As in Prometheus, a scrape that began a few milliseconds late is stored at its planned time. */
const PLANNED_MS = 20;
const LOG_LINES = 200;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
}

suite(
  `processes of a cluster under faults, from seed ${firstSeed} on`,
  {
    concurrency: 5,
    skip: skipWithoutExecutable || skipWithoutPostgres || skipWithoutStrace,
  },
  () => {
    let postgres: Postgres;
    before(async () => {
      postgres = await startPostgres(temporaryDir('cluster-database'));
    });
    after(() => postgres?.stop());
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const { faults, dumps } = makeProcessSchedule(seed);
      test(`seed ${seed}: ${faults.map(nameOf).join(', ')}`, async () => {
        let tries = 0;
        let failure: string | undefined;
        const fails = async (fewer: readonly ProcessFault[]): Promise<boolean> => {
          const dsn = postgres.createDatabase(`seed_${seed}_${++tries}`);
          const network = 1 + ((seed - firstSeed) % 200);
          const reason = await play({ faults: fewer, dumps }, network, dsn);
          failure = reason ?? failure;
          return reason !== undefined;
        };
        if (!(await fails(faults))) return;
        const fewest = shrinks ? await shrink(faults, fails) : faults;
        const again = `CLUSTER_SEED=${seed} CLUSTER_RUNS=0 CLUSTER_PROCESSES=1 make cluster-test`;
        assert.fail([again, ...fewest.map((fault) => JSON.stringify(fault)), failure].join('\n'));
      });
    }
  },
);

function nameOf({ begin, nodes }: ProcessFault): string {
  return nodes.length === 1 ? begin : `${begin} everywhere`;
}

/** What was wrong, with the end of the log; undefined when nothing was. */
async function play(
  { faults, dumps }: ProcessSchedule,
  network: number,
  dsn: string,
): Promise<string | undefined> {
  const log: string[] = [];
  const stateDir = temporaryDir('cluster');
  const host = await startDevHost({
    stateDir,
    port: 0,
    nodeCount: NODE_COUNT,
    database: await PostgresDatabase.open(dsn),
    network,
    healthCheckMs: 15_000,
    scrapeIntervalSeconds: INTERVAL_MS / 1000,
    log: (level, message, fields) => {
      log.push(`${new Date().toISOString()} ${level}: ${message} ${fields.join(' ')}`);
    },
  });
  try {
    const observer = new Observer(host);
    const asked: string[] = [];
    await Promise.all([
      ...faults.map((fault) => inflict(host, fault, log)),
      ...dumps.map(async ({ node, atMs }) => {
        await delay(atMs);
        const id = await askForDump(host, node);
        if (id !== undefined) asked.push(id);
      }),
    ]);
    await waitUntil(
      'one node scrapes',
      async () => (await observer.scrapers()).length === 1,
      60_000,
    );
    await delay(3 * INTERVAL_MS);
    await waitUntil('all dumps have ended', () => haveEnded(host, asked), 180_000, 500);
    await observer.stop();
    await host.close();
    judgeScrapers(observer);
    judgeGaps(observer);
    const files = path.join(stateDir, 'files');
    await judgeBlocks(path.join(files, STORE_BLOCKS_DIR), observer);
    judgeDumps(path.join(files, STORE_DUMPS_DIR));
    return undefined;
  } catch (error) {
    await host.close();
    return [String(error), ...log.slice(-LOG_LINES)].join('\n');
  }
}

async function inflict(host: DevHost, fault: ProcessFault, log: string[]): Promise<void> {
  const nodes = fault.nodes.map((index) => host.nodes[index]);
  const perform = async (action: string, more = ''): Promise<void> => {
    const names = nodes.map(({ name }) => name).join(' ');
    log.push(`${new Date().toISOString()} FAULT ${names} ${action}${more}`);
    await Promise.all(nodes.map((node) => node.perform(action)));
  };
  await delay(fault.atMs);
  await perform(fault.begin, ` for ${fault.durationMs} ms`);
  await delay(fault.durationMs);
  await perform(fault.end);
}

/** The id of the job, unless the administrator was told that it did not work. */
async function askForDump(host: DevHost, index: number): Promise<string | undefined> {
  const nowMs = Date.now();
  const body = JSON.stringify({ min_t: nowMs - 3_600_000, max_t: nowMs + 3_600_000 });
  const init = { method: 'POST', body, signal: AbortSignal.timeout(15_000) };
  try {
    return (await pluginJson<Job>(host.nodes[index], '/jobs/create', init)).id;
  } catch {
    return undefined;
  }
}

async function haveEnded(host: DevHost, ids: readonly string[]): Promise<boolean> {
  const jobs = await pluginJson<Job[]>(host.nodes[0], '/jobs');
  // Also one whose administrator was told that it may still happen, and has no id of it.
  const isOver = jobs.every(({ status }) => status === 'success' || status === 'error');
  return isOver && ids.every((id) => jobs.some((job) => job.id === id));
}

function judgeScrapers(observer: Observer): void {
  const tenures: { node: string; fromMs: number; toMs: number }[] = [];
  const scrapes = [...observer.scrapes.values()].sort((a, b) => a.timeMs - b.timeMs);
  for (const { node, timeMs } of scrapes) {
    const open = tenures.findLast((tenure) => tenure.node === node);
    if (open !== undefined && timeMs - open.toMs <= 3 * INTERVAL_MS) open.toMs = timeMs;
    else tenures.push({ node, fromMs: timeMs, toMs: timeMs });
  }
  for (const [index, a] of tenures.entries()) {
    for (const b of tenures.slice(index + 1)) {
      const bothMs = Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs);
      if (a.node === b.node) continue;
      assert.ok(bothMs <= BOTH_SCRAPE_MS, `${a.node} and ${b.node} both scrape for ${bothMs} ms`);
    }
  }
}

function judgeGaps(observer: Observer): void {
  const boundMs = TAKE_OVER_MS + 2 * INTERVAL_MS;
  const times = [...observer.scrapes.values()].map(({ timeMs }) => timeMs);
  const startMs = observer.health[0]?.atMs ?? 0;
  const wellSinceMs = Array.from({ length: NODE_COUNT }, () => startMs);
  for (const { atMs, isWell } of observer.health) {
    for (const [index, well] of isWell.entries()) if (!well) wellSinceMs[index] = atMs;
    if (atMs - Math.min(...wellSinceMs) < boundMs) continue;
    const isScraped = times.some((timeMs) => timeMs > atMs - boundMs && timeMs <= atMs);
    assert.ok(isScraped, `nobody has scraped for ${boundMs} ms at ${new Date(atMs).toISOString()}`);
  }
}

async function judgeBlocks(dir: string, observer: Observer): Promise<void> {
  for (const ulid of readdirSync(dir)) {
    assert.ok(existsSync(path.join(dir, ulid, 'meta.json')), `block ${ulid} is whole`);
  }
  const db = await ReadOnlyDb.open({ fs: diskFs, dir, clock: systemClock, logger: silentLogger });
  const stored = new Map<string, number[]>();
  const querier = await db.querier({ minTimeMs: 0, maxTimeMs: Date.now() + 60_000 });
  const set = await querier.select(await parseSelector('up'));
  while (await set.next()) {
    const { labels } = set;
    const text = (name: string): string => labels.find((each) => each.name === name)?.value ?? '';
    const times: number[] = [];
    const samples = await set.samples();
    while (samples.next()) times.push(samples.timeMs);
    stored.set(`${text('job')} ${text('instance')}`, times);
  }
  await db.close();
  const lost = [...observer.scrapes.values()].filter(({ job, instance, timeMs }) => {
    const times = stored.get(`${job} ${instance}`) ?? [];
    return !times.some((time) => Math.abs(time - timeMs) <= PLANNED_MS);
  });
  assert.ok(observer.scrapes.size > 50, 'there was something to lose');
  assert.deepEqual(lost, [], `lost of ${observer.scrapes.size} scrapes`);
}

/** Nothing but finished dumps is left of all jobs. */
function judgeDumps(dir: string): void {
  if (!existsSync(dir)) return;
  for (const id of readdirSync(dir)) {
    const files = readdirSync(path.join(dir, id), { recursive: true });
    assert.deepEqual(files, ['tsdb_dump.tar.gz'], `remains of dump ${id}`);
  }
}
