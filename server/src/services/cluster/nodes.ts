// The app nodes of the cluster, from the table that the Mattermost servers keep
// (server/public/model/cluster_discovery.go): each server writes its row once a minute.

import { CodedError } from '../../base/errors.ts';

export interface ClusterNode {
  /** A host name or an IP address, as the server makes itself known; '' when it has none. */
  readonly hostname: string;
  /** When its server last said that it is alive, Unix milliseconds. */
  readonly lastPingMs: number;
}

/** Runs one statement on the master of the server's database. */
export type Query = (sql: string, args: readonly unknown[]) => Promise<{ rows: unknown[][] }>;

const SERVER_TYPE = 'mattermost_app';
/** As the server has it: rows of nodes that crashed stay, and count as offline after this time. */
const OFFLINE_AFTER_MS = 30 * 60 * 1000;
const NODES_MAX = 1_000;

/**
 * The living nodes of one cluster by name, each once. PostgreSQL numbers its placeholders, MySQL and
 * MariaDB do not; column names are written as both take them, the table's as MySQL has it on Linux.
 *
 * @param driver `SqlSettings.DriverName` of the server
 */
export async function queryNodes(
  query: Query,
  driver: string,
  clusterName: string,
  nowMs: number,
): Promise<ClusterNode[]> {
  const [first, second, third] = driver === 'mysql' ? ['?', '?', '?'] : ['$1', '$2', '$3'];
  const sql =
    'SELECT Hostname, LastPingAt FROM ClusterDiscovery ' +
    `WHERE Type = ${first} AND ClusterName = ${second} AND LastPingAt > ${third}`;
  const { rows } = await query(sql, [SERVER_TYPE, clusterName, nowMs - OFFLINE_AFTER_MS]);
  if (rows.length > NODES_MAX) {
    throw new CodedError('ERR_CLUSTER_NODES', 'the cluster has too many nodes', {
      expected: `at most ${NODES_MAX}`,
      found: rows.length,
    });
  }
  const nodes = new Map<string, ClusterNode>();
  for (const [name, ping] of rows) {
    const hostname = name === null ? '' : textOf(name).trim();
    const lastPingMs = Number(textOf(ping));
    // A server that was restarted has two rows for a while.
    const known = nodes.get(hostname);
    if (known !== undefined && known.lastPingMs >= lastPingMs) continue;
    nodes.set(hostname, { hostname, lastPingMs });
  }
  return [...nodes.values()].sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
}

/** MySQL's driver hands texts out as bytes. */
function textOf(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}
