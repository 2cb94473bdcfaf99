/**
 * A rolling upgrade: nodes with the lock of the Go plugin and nodes with ours share one database, and
 * there is never more than one of them that scrapes. The steps build on one another.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { type DevHost, startDevHost } from '../../devhost/host.ts';
import type { DevNode } from '../../devhost/node.ts';
import { PostgresDatabase } from '../../devhost/postgres-store.ts';
import { pluginJson } from '../../devhost/test-support.ts';
import { goBuild } from '../../support/go.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';

const lockKey = 'mutex_com.mattermost.mattermost-plugin-metrics';
const lockMs = 15_000;

interface Job {
  readonly id: string;
}

interface Status {
  readonly scraper: { readonly state: string };
  readonly targets: readonly { readonly up: boolean }[];
}

void describe('a cluster in the middle of an upgrade from the Go plugin', () => {
  let postgres: Postgres;
  let host: DevHost;
  let goNode: DevNode;
  let ours: readonly DevNode[];
  let ourExecutable: string;
  let goExecutable: string;
  const log: string[] = [];
  const goLogged = (text: string): number => log.filter((line) => line.includes(text)).length;
  const stateOf = async (node: DevNode): Promise<string> =>
    (await pluginJson<Status>(node, '/status')).scraper.state;

  const waitForScraper = (nodes: readonly DevNode[], timeoutMs: number): Promise<DevNode> =>
    waitUntil(
      'one of ours scrapes',
      async () => {
        const states = await Promise.all(nodes.map(stateOf));
        const running = nodes.filter((_, index) => states[index] === 'running');
        if (running.length !== 1) throw new Error(states.join(' '));
        const { targets } = await pluginJson<Status>(running[0], '/status');
        return targets.some(({ up }) => up) && running[0];
      },
      timeoutMs,
    );

  /** Ours stand by, and the lock is there all the time: two of its lives long. */
  const watchStandby = async (nodes: readonly DevNode[]): Promise<void> => {
    const endMs = performance.now() + 2 * lockMs + 3_000;
    while (performance.now() < endMs) {
      assert.ok(await host.store.kvGet(lockKey), 'the lock is held');
      for (const node of nodes) assert.notEqual(await stateOf(node), 'running', node.name);
      await delay(500);
    }
  };

  before(async () => {
    goExecutable = goBuild({ dir: join(import.meta.dirname, 'go-node'), name: 'go-node' });
    postgres = await startPostgres(temporaryDir('rolling-upgrade-database'));
    host = await startDevHost({
      database: await PostgresDatabase.open(postgres.dsn),
      stateDir: temporaryDir('rolling-upgrade'),
      port: 0,
      nodeCount: 3,
      network: 210,
      healthCheckMs: 60_000,
      scrapeIntervalSeconds: 1,
      firstExecutable: goExecutable,
      log: (level, message, fields) => log.push(`${level}: ${message} ${fields.join(' ')}`),
    });
    goNode = host.nodes[0];
    ours = host.nodes.slice(1);
    ourExecutable = ours[0].supervisor.executable;
  });
  after(async () => {
    await host?.close();
    await postgres?.stop();
  });

  void test('a Go node that scrapes is left alone by ours', async () => {
    assert.equal(goLogged('the Go node scrapes'), 1, log.join('\n'));
    await watchStandby(ours);
  });

  void test('the list of jobs keeps what both kinds of node write at once', async () => {
    const theirs = pluginJson<Job>(goNode, '/store-job?pause=3s');
    await delay(500);
    const range = JSON.stringify({ min_t: Date.now() - 60_000, max_t: Date.now() });
    const create = (node: DevNode): Promise<Job> =>
      pluginJson<Job>(node, '/jobs/create', { method: 'POST', body: range });
    const written = await Promise.all([theirs, ...ours.map(create)]);
    const jobs = await pluginJson<Job[]>(ours[0], '/jobs');
    const ids = jobs.map(({ id }) => id);
    for (const { id } of written) assert.ok(ids.includes(id), JSON.stringify({ written, jobs }));
  });

  void test('when it is killed, one of ours takes over within 30 s', async () => {
    await goNode.perform('kill');
    await waitForScraper(ours, 30_000);
  });

  void test('a Go node that starts again does not get our lock', async () => {
    const scraper = await waitForScraper(ours, 1_000);
    await goNode.perform('start');
    assert.equal(goLogged('the Go node stands by'), 1, log.join('\n'));
    assert.equal(await stateOf(scraper), 'running');
  });

  void test('when all of ours stop, a Go node that starts gets the lock', async () => {
    await goNode.perform('stop');
    for (const node of ours) await node.perform('stop');
    assert.equal(await host.store.kvGet(lockKey), null, 'nothing is held');
    await goNode.perform('start');
    assert.equal(goLogged('the Go node scrapes'), 2, log.join('\n'));
    for (const node of ours) await node.perform('start');
    await watchStandby(ours);
  });

  void test('when it is upgraded, one of ours takes over within 5 s', async () => {
    await goNode.perform('stop');
    await waitForScraper(ours, 5_000);
    goNode.supervisor.executable = ourExecutable;
    await goNode.perform('start');
    await delay(3_000);
    await waitForScraper(host.nodes, 1_000);
    assert.equal(await stateOf(goNode), 'waiting');
  });
});
