/**
 * Two real servers with one PostgreSQL and one S3 store. Without a licence a server writes no rows
 * of nodes and passes no events: the rows are written here, and what is asked of the node that
 * scrapes travels by the key-value store. The steps build on one another.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import {
  ACCESS_KEY_ID,
  BUCKET,
  SECRET_ACCESS_KEY,
  startS3Server,
  type S3Server,
} from '../conformance/s3/s3-server.ts';
import { startPostgres, type Postgres } from '../support/postgres.ts';
import { pluginId } from '../support/repository.ts';
import { freePort, temporaryDir } from '../support/temporary.ts';
import { waitUntil } from '../support/wait.ts';
import { Person, SystemConsole } from './administrator.ts';
import { bundlePath } from './bundle.ts';
import { createDump, downloadAndUnpack, finishedDump, type DumpJob } from './dumps.ts';
import { buildServer, MattermostServer } from './mattermost-server.ts';
import { storedSamples, withPrometheus } from './prometheus.ts';

const intervalSeconds = 2;
const hourMs = 3_600_000;
/** As promised: a take-over within 30 s after a kill. */
const takeOverMs = 30_000;

interface Status {
  scraper: { state: string };
  cluster?: {
    scraper?: { node: string };
    instances: { node: string; role: string }[];
  };
  targets: { job: string; instance: string; up: boolean; last_scrape_ms: number }[];
}

/** One server with its address, and an administrator who is logged in there. */
interface Node {
  readonly name: string;
  readonly server: MattermostServer;
  readonly start: () => Promise<void>;
  admin: Person;
}

let postgres: Postgres;
let s3: S3Server;
let nodes: Node[];
/** Scrapes of the servers that some node has reported as stored, by instance. */
const reported: { instance: string; timeMs: number }[] = [];

/** What the plugin on a node says, with its scrapes noted when it is the one that scrapes. */
async function statusOf(node: Node): Promise<Status> {
  const status = await node.admin.pluginJson<Status>('/status');
  if (status.scraper.state === 'running') {
    for (const { job, instance, up, last_scrape_ms: timeMs } of status.targets) {
      if (job === 'prometheus' && up) reported.push({ instance, timeMs });
    }
  }
  return status;
}

function otherThan(node: Node): Node {
  const other = nodes.find((each) => each !== node);
  assert.ok(other);
  return other;
}

/** The node that scrapes, among those that are asked; the others stand by. */
async function scraperOf(asked: readonly Node[], timeoutMs = 60_000): Promise<Node> {
  return waitUntil(
    'one node scrapes',
    async () => {
      const states = await Promise.all(
        asked.map(async (node) => (await statusOf(node)).scraper.state),
      );
      const running = asked.filter((_, index) => states[index] === 'running');
      if (running.length !== 1 || states.includes('starting')) throw new Error(states.join(' '));
      return running[0];
    },
    timeoutMs,
    250,
  );
}

/** Server and plugin at once, as when the machine dies. */
async function killMachine(node: Node): Promise<void> {
  const pid = node.server.pluginPid();
  assert.ok(pid, 'the plugin runs');
  process.kill(pid, 'SIGKILL');
  await node.server.kill();
}

async function startAgain(node: Node): Promise<void> {
  await node.start();
  await waitUntil('its plugin answers', () => statusOf(node), 30_000, 250);
}

/** Each scrape that was ever reported is in a dump of everything, made on this node. */
async function nothingIsLost(node: Node): Promise<void> {
  const job = await createDump(node.admin, Date.now() - hourMs, Date.now());
  assert.equal(job.error, undefined);
  const dir = await downloadAndUnpack(node.admin, job.id);
  const series = await withPrometheus(dir, (prometheus) =>
    storedSamples(prometheus, 'up{job="prometheus"}', Date.now()),
  );
  assert.equal(series.length, nodes.length);
  const lost = reported.filter(({ instance, timeMs }) => {
    const samples = series.find(({ labels }) => labels['instance'] === instance)?.samples ?? [];
    return !samples.some((sample) => Math.abs(sample.timeMs - timeMs) <= 20);
  });
  assert.ok(reported.length > 10);
  assert.deepEqual(lost, [], `lost of ${reported.length} scrapes`);
}

before(async () => {
  const program = buildServer();
  const dir = temporaryDir('e2e-cluster');
  postgres = await startPostgres(dir);
  s3 = await startS3Server();
  const metricsPort = await freePort();
  nodes = [];
  for (const name of ['127.0.2.1', '127.0.2.2']) {
    const serverDir = join(dir, name);
    mkdirSync(serverDir);
    const server = await MattermostServer.create(program, serverDir, postgres.dsn);
    const start = (): Promise<void> =>
      server.start({
        MM_CLUSTERSETTINGS_ENABLE: 'true',
        MM_CLUSTERSETTINGS_CLUSTERNAME: 'production',
        MM_CLUSTERSETTINGS_OVERRIDEHOSTNAME: name,
        MM_METRICSSETTINGS_LISTENADDRESS: `${name}:${metricsPort}`,
        MM_FILESETTINGS_DRIVERNAME: 'amazons3',
        MM_FILESETTINGS_AMAZONS3ACCESSKEYID: ACCESS_KEY_ID,
        MM_FILESETTINGS_AMAZONS3SECRETACCESSKEY: SECRET_ACCESS_KEY,
        MM_FILESETTINGS_AMAZONS3BUCKET: BUCKET,
        MM_FILESETTINGS_AMAZONS3ENDPOINT: s3.endpoint,
        MM_FILESETTINGS_AMAZONS3SSL: 'false',
      });
    await start();
    const isFirst = nodes.length === 0;
    const admin = await (isFirst ? Person.signUp : Person.signIn).call(Person, server.url, 'admin');
    nodes.push({ name, server, start, admin });
  }
  const nowMs = Date.now();
  const row = (id: string, cluster: string, host: string, pingMs: number): string =>
    `('${id}', 'mattermost_app', '${cluster}', '${host}', 8074, 8075, ${pingMs}, ${pingMs})`;
  const rows = [
    ...nodes.map(({ name }, index) => row(`node${index}`, 'production', name, nowMs)),
    row('other', 'staging', '127.0.2.3', nowMs),
    row('dead', 'production', '127.0.2.4', nowMs - 31 * 60_000),
  ];
  postgres.query(`INSERT INTO clusterdiscovery VALUES ${rows.join(', ')}`);
  for (const { admin } of nodes) {
    const systemConsole = new SystemConsole(admin);
    assert.equal(await systemConsole.upload(bundlePath()), pluginId);
    await systemConsole.save({ scrapeintervalseconds: intervalSeconds });
    await systemConsole.enable();
  }
});

after(async () => {
  for (const { server } of nodes ?? []) await server.stop();
  await s3?.stop();
  await postgres?.stop();
});

test('one node scrapes both, the other stands by, and each tells about both', async () => {
  const scraper = await scraperOf(nodes);
  const status = await waitUntil(
    'both servers are scraped',
    async () => {
      const now = await statusOf(scraper);
      const servers = now.targets.filter(({ job }) => job === 'prometheus');
      if (servers.length !== 2 || !servers.every(({ up }) => up))
        throw new Error(JSON.stringify(now));
      return now;
    },
    90_000,
    250,
  );
  const instances = status.targets.filter(({ job }) => job === 'prometheus');
  assert.deepEqual(instances.map(({ instance }) => instance.split(':')[0]).sort(), [
    '127.0.2.1',
    '127.0.2.2',
  ]);
  const standing = otherThan(scraper);
  await waitUntil(
    'the other knows the targets',
    async () => {
      const { cluster, targets, scraper: own } = await statusOf(standing);
      assert.equal(own.state, 'waiting');
      assert.equal(cluster?.scraper?.node, scraper.name);
      assert.deepEqual(
        cluster.instances.map(({ node }) => node).sort(),
        nodes.map((n) => n.name),
      );
      return targets.filter(({ job, up }) => job === 'prometheus' && up).length === 2;
    },
    30_000,
    250,
  );
});

test('a dump made where nobody scrapes has the newest samples', async () => {
  const scraper = await scraperOf(nodes);
  const askedMs = Date.now();
  const job = await createDump(otherThan(scraper).admin, askedMs - hourMs, askedMs + hourMs);
  assert.equal(job.error, undefined);
  assert.ok(askedMs - job.max_t < 60_000, `${askedMs - job.max_t} ms`);
  await nothingIsLost(otherThan(scraper));
});

test('when the machine that scrapes dies, the other takes over within 30 s', async () => {
  const dead = await scraperOf(nodes);
  const heir = otherThan(dead);
  await killMachine(dead);
  const diedMs = performance.now();
  assert.equal(await scraperOf([heir], takeOverMs), heir);
  console.log(`# taken over after ${((performance.now() - diedMs) / 1000).toFixed(1)} s`);

  const job = await createDump(heir.admin, Date.now() - hourMs, Date.now());
  assert.match(job.error ?? '', new RegExp(`What ${dead.name} has collected since .* is missing`));

  await startAgain(dead);
  await waitUntil(
    'what it had is in the file store',
    async () => {
      const again = await createDump(heir.admin, Date.now() - hourMs, Date.now());
      return again.error === undefined;
    },
    60_000,
    1_000,
  );
  assert.equal(await scraperOf(nodes), heir);
  await nothingIsLost(heir);
});

test('when the machine that makes a dump dies, the other makes it', async () => {
  const scraper = await scraperOf(nodes);
  const maker = otherThan(scraper);
  const range = { min_t: Date.now() - hourMs, max_t: Date.now() };
  const init = { method: 'POST', body: JSON.stringify(range) };
  const { id } = await maker.admin.pluginJson<DumpJob>('/jobs/create', init);
  await killMachine(maker);
  const jobs = await scraper.admin.pluginJson<DumpJob[]>('/jobs');
  assert.notEqual(jobs.find((job) => job.id === id)?.status, 'success', 'it died too late');
  await finishedDump(scraper.admin, id, 120_000);
  await startAgain(maker);
  await nothingIsLost(maker);
});

test('a server that is stopped hands over within 5 s, with nothing left behind', async () => {
  const stopping = await scraperOf(nodes);
  const heir = otherThan(stopping);
  const stopped = stopping.server.stop();
  await waitUntil('the lease is free', () =>
    stopping.server.log().includes('has stopped scraping'),
  );
  assert.equal(await scraperOf([heir], 5_000), heir);
  await stopped;
  await nothingIsLost(heir);
  await startAgain(stopping);
});
