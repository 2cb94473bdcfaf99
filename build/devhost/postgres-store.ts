// The tables and statements of a Mattermost server (its sqlstore/plugin_store.go) in PostgreSQL.
import pg from 'pg';

import { readManifest } from '../manifest.ts';
import { openDatabaseLine } from './database-line.ts';
import type { NodeLink } from './node-link.ts';
import { checkKey, type Database, type Rows, type SetOptions, type Store } from './store.ts';

const { id: pluginId } = readManifest();

const schema = `
  CREATE TABLE IF NOT EXISTS pluginkeyvaluestore (
    pluginid varchar(190) NOT NULL, pkey varchar(150) NOT NULL, pvalue bytea, expireat bigint,
    PRIMARY KEY (pluginid, pkey)
  );
  CREATE TABLE IF NOT EXISTS clusterdiscovery (
    id varchar(26) PRIMARY KEY, type varchar(64), clustername varchar(64), hostname varchar(512),
    gossipport integer, port integer, createat bigint, lastpingat bigint
  );
`;

/** As a server's configuration has them by default. */
const queryTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;
/** A test bed runs many servers at once. */
const connectionsMax = 3;

const typeInt8 = 20;
// Times in milliseconds are exact as numbers.
pg.types.setTypeParser(typeInt8, Number);

const alive = '(expireat = 0 OR expireat > $3)';

/** All servers' data in one PostgreSQL database. */
export class PostgresDatabase implements Database {
  readonly #dsn: string;
  readonly #nowMs: () => number;

  private constructor(dsn: string, nowMs: () => number) {
    this.#dsn = dsn;
    this.#nowMs = nowMs;
  }

  /** @param dsn connection string of a database, whose tables are made when missing */
  static async open(dsn: string, nowMs: () => number = Date.now): Promise<PostgresDatabase> {
    const client = new pg.Client({ connectionString: dsn });
    await client.connect();
    try {
      await client.query(schema);
    } finally {
      await client.end();
    }
    return new PostgresDatabase(dsn, nowMs);
  }

  async connect(link: NodeLink): Promise<Store> {
    const line = await openDatabaseLine(new URL(this.#dsn), link);
    const dsn = new URL(this.#dsn);
    dsn.port = String(line.port);
    return new PostgresStore(dsn.href, this.#nowMs, () => line.close());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class PostgresStore implements Store {
  readonly #pool: pg.Pool;
  readonly #nowMs: () => number;
  readonly #onClose: () => Promise<void>;

  constructor(dsn: string, nowMs: () => number, onClose: () => Promise<void>) {
    this.#nowMs = nowMs;
    this.#onClose = onClose;
    this.#pool = new pg.Pool({
      connectionString: dsn,
      max: connectionsMax,
      query_timeout: queryTimeoutMs,
      connectionTimeoutMillis: connectTimeoutMs,
    });
    // An idle connection that breaks is replaced by the next call.
    this.#pool.on('error', () => undefined);
  }

  async kvGet(key: string): Promise<Uint8Array | null> {
    const rows = await this.#run(
      `SELECT pvalue FROM pluginkeyvaluestore WHERE pluginid = $1 AND pkey = $2 AND ${alive}`,
      [pluginId, key, this.#nowMs()],
    );
    const value = rows.values[0]?.[0];
    return value instanceof Uint8Array ? new Uint8Array(value) : null;
  }

  async kvSet(key: string, value: Uint8Array | null, expireInSeconds = 0): Promise<void> {
    checkKey(key);
    if (isEmpty(value)) return this.kvDelete(key);
    await this.#run(
      'INSERT INTO pluginkeyvaluestore (pluginid, pkey, pvalue, expireat) VALUES ($1, $2, $3, $4) ' +
        'ON CONFLICT (pluginid, pkey) DO UPDATE SET pvalue = excluded.pvalue, expireat = excluded.expireat',
      [pluginId, key, value, this.#endMs(expireInSeconds)],
    );
  }

  async kvSetWithOptions(
    key: string,
    value: Uint8Array | null,
    { atomic, oldValue, expireInSeconds }: SetOptions,
  ): Promise<boolean> {
    if (!atomic) {
      if (oldValue !== null) throw new Error('an old value needs an atomic write');
      await this.kvSet(key, value, expireInSeconds);
      return true;
    }
    checkKey(key);
    const endMs = this.#endMs(expireInSeconds);
    if (isEmpty(oldValue)) return isEmpty(value) || this.#insert(key, value, endMs);
    const where = `WHERE pluginid = $1 AND pkey = $2 AND ${alive} AND pvalue = $4`;
    const args = [pluginId, key, this.#nowMs(), oldValue];
    const rows = isEmpty(value)
      ? await this.#run(`DELETE FROM pluginkeyvaluestore ${where} RETURNING pkey`, args)
      : await this.#run(
          `UPDATE pluginkeyvaluestore SET pvalue = $5, expireat = $6 ${where} RETURNING pkey`,
          [...args, value, endMs],
        );
    return rows.values.length > 0;
  }

  async kvDelete(key: string): Promise<void> {
    const sql = 'DELETE FROM pluginkeyvaluestore WHERE pluginid = $1 AND pkey = $2';
    await this.#run(sql, [pluginId, key]);
  }

  async kvDeleteAll(): Promise<void> {
    await this.#run('DELETE FROM pluginkeyvaluestore WHERE pluginid = $1', [pluginId]);
  }

  async kvList(page: number, perPage: number): Promise<string[]> {
    const rows = await this.#run(
      'SELECT pkey FROM pluginkeyvaluestore WHERE pluginid = $1 AND ' +
        '(expireat = 0 OR expireat > $2) ORDER BY pkey LIMIT $3 OFFSET $4',
      [pluginId, this.#nowMs(), perPage, page * perPage],
    );
    return rows.values.map(([key]) => String(key));
  }

  async pingNode(hostname: string): Promise<void> {
    await this.#run(
      'INSERT INTO clusterdiscovery (id, type, clustername, hostname, gossipport, port, createat, lastpingat) ' +
        "VALUES ($1, 'mattermost_app', '', $1, 8074, 8075, $2, $2) " +
        'ON CONFLICT (id) DO UPDATE SET lastpingat = excluded.lastpingat',
      [hostname, this.#nowMs()],
    );
  }

  async removeNode(hostname: string): Promise<void> {
    await this.#run('DELETE FROM clusterdiscovery WHERE id = $1', [hostname]);
  }

  query(sql: string, args: readonly unknown[]): Promise<Rows> {
    return this.#run(sql, args);
  }

  async close(): Promise<void> {
    await this.#onClose();
    await this.#pool.end();
  }

  async #insert(key: string, value: Uint8Array, endMs: number): Promise<boolean> {
    await this.#run(
      'DELETE FROM pluginkeyvaluestore WHERE pluginid = $1 AND pkey = $2 AND ' +
        'expireat <> 0 AND expireat <= $3',
      [pluginId, key, this.#nowMs()],
    );
    const rows = await this.#run(
      'INSERT INTO pluginkeyvaluestore (pluginid, pkey, pvalue, expireat) VALUES ($1, $2, $3, $4) ' +
        'ON CONFLICT DO NOTHING RETURNING pkey',
      [pluginId, key, value, endMs],
    );
    return rows.values.length > 0;
  }

  #endMs(expireInSeconds: number): number {
    return expireInSeconds > 0 ? this.#nowMs() + expireInSeconds * 1000 : 0;
  }

  async #run(text: string, values: readonly unknown[]): Promise<Rows> {
    const query = { text, values: [...values], rowMode: 'array' as const };
    const { fields, rows } = await this.#pool.query<unknown[]>(query);
    return { columns: fields.map(({ name }) => name), values: rows };
  }
}

function isEmpty(value: Uint8Array | null): value is null {
  return value === null || value.length === 0;
}
