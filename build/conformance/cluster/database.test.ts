/** What the cluster reads from the server's database, through the official host's driver. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import type { ClusterNode } from '../../../server/src/services/cluster/nodes.ts';
import { startMariaDb } from '../../support/mariadb.ts';
import { startPostgres } from '../../support/postgres.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { scriptBundle } from '../bundle-folder.ts';
import { startHost } from '../lifecycle.ts';
import type { HostVersion, OfficialHost } from '../official-host.ts';

const pluginId = 'test.probe';
const lock = 'mutex_of_somebody';
const nowMs = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;

/** Rows as servers write them: id, type, cluster, host name, last ping. */
const nodeRows = [
  ['node1', 'mattermost_app', 'production', 'app1', nowMs - minuteMs],
  ['node2', 'mattermost_app', 'production', '10.0.0.2', nowMs - 29 * minuteMs],
  ['node2again', 'mattermost_app', 'production', '10.0.0.2', nowMs - minuteMs],
  ['crashed', 'mattermost_app', 'production', 'app3', nowMs - 31 * minuteMs],
  ['jobs', 'mattermost_job', 'production', 'jobs1', nowMs],
  ['stranger', 'mattermost_app', 'staging', 'app9', nowMs],
  ['nameless', 'mattermost_app', 'production', '', nowMs],
] as const;

const inserts = [
  ...nodeRows.map(([id, type, cluster, host, pingMs]) => {
    const values = `'${id}', '${type}', '${cluster}', '${host}', 8074, 8075, ${pingMs}, ${pingMs}`;
    return `INSERT INTO ClusterDiscovery VALUES (${values});`;
  }),
  `INSERT INTO PluginKeyValueStore VALUES ('${pluginId}', '${lock}', NULL, ${nowMs + 15_000});`,
  `INSERT INTO PluginKeyValueStore VALUES ('other', '${lock}', NULL, 7);`,
];

/** From the migrations of the server for each of its databases. */
const schema = (bytes: string): string[] => [
  'CREATE TABLE ClusterDiscovery (Id varchar(26) PRIMARY KEY, Type varchar(64), ' +
    'ClusterName varchar(64), Hostname varchar(512), GossipPort int, Port int, CreateAt bigint, ' +
    'LastPingAt bigint);',
  'CREATE TABLE PluginKeyValueStore (PluginId varchar(190) NOT NULL, PKey varchar(150) NOT NULL, ' +
    `PValue ${bytes}, ExpireAt bigint, PRIMARY KEY (PluginId, PKey));`,
];

interface Database {
  readonly dsn: string;
  stop(): Promise<void>;
}

async function startFilledPostgres(dir: string): Promise<Database> {
  const postgres = await startPostgres(dir);
  for (const sql of [...schema('bytea'), ...inserts]) postgres.query(sql);
  return postgres;
}

function testDatabase(
  name: string,
  driver: string,
  version: HostVersion,
  start: (dir: string) => Promise<Database>,
): void {
  void describe(`${name} through the driver of host ${version}`, () => {
    let database: Database;
    let host: OfficialHost;
    const ask = async (body: object): Promise<unknown> => {
      const init = { method: 'POST', body: JSON.stringify({ driver, nowMs, ...body }) };
      return (await host.fetch('/cluster', init)).json();
    };

    before(async () => {
      database = await start(temporaryDir('conformance-cluster'));
      const folders = await scriptBundle(
        pluginId,
        join(import.meta.dirname, '..', 'probe-main.ts'),
      );
      host = await startHost(version, folders, { database: database.dsn });
      await host.perform('activate');
    });
    after(async () => {
      await host?.stop();
      await database?.stop();
    });

    void test('the living nodes of one cluster, each once, and those without a name', async () => {
      const { nodes } = (await ask({ clusterName: 'production' })) as { nodes: ClusterNode[] };
      assert.deepEqual(nodes, [
        { hostname: '', lastPingMs: nowMs },
        { hostname: '10.0.0.2', lastPingMs: nowMs - minuteMs },
        { hostname: 'app1', lastPingMs: nowMs - minuteMs },
      ]);
      const other = (await ask({ clusterName: 'staging' })) as { nodes: ClusterNode[] };
      assert.deepEqual(
        other.nodes.map(({ hostname }) => hostname),
        ['app9'],
      );
      assert.deepEqual(await ask({ clusterName: '' }), { nodes: [] });
    });

    void test('the end of a lock of the plugin', async () => {
      assert.deepEqual(await ask({ lock }), { endMs: nowMs + 15_000 });
      assert.deepEqual(await ask({ lock: 'none' }), {});
    });

    void test('its time of day', async () => {
      const beforeMs = Date.now();
      const { timeMs } = (await ask({ time: true })) as { timeMs: number };
      assert.ok(timeMs >= beforeMs - 1 && timeMs <= Date.now() + 1, `${timeMs - beforeMs} ms away`);
    });
  });
}

testDatabase('PostgreSQL', 'postgres', 'v0.4.2', startFilledPostgres);
testDatabase('PostgreSQL', 'postgres', 'v0.0.14', startFilledPostgres);
testDatabase('MariaDB', 'mysql', 'v0.0.14', (dir) =>
  startMariaDb(dir, [...schema('mediumblob'), ...inserts]),
);
