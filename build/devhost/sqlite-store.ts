import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';

import { readManifest } from '../manifest.ts';
import type { NodeLink } from './node-link.ts';
import { checkKey, type Database, type Rows, type SetOptions, type Store } from './store.ts';

const { id: pluginId } = readManifest();

const schema = `
  CREATE TABLE IF NOT EXISTS pluginkeyvaluestore (
    pluginid TEXT NOT NULL DEFAULT '${pluginId}', pkey TEXT PRIMARY KEY,
    pvalue BLOB NOT NULL, expireat INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS clusterdiscovery (
    id TEXT PRIMARY KEY, type TEXT, clustername TEXT, hostname TEXT,
    gossipport INTEGER, port INTEGER, createat INTEGER, lastpingat INTEGER
  );
`;

/** What the plugin says in the words of PostgreSQL, in those of SQLite. */
function translate(sql: string): string {
  return sql
    .replaceAll(/\$(\d+)/g, '?$1')
    .replaceAll('EXTRACT(EPOCH FROM now())', "unixepoch('subsec')");
}

/** All servers' data in one SQLite file. */
export class SqliteDatabase implements Database {
  readonly #tables: Tables;

  /** @param file path of the database, or `:memory:` */
  constructor(file: string, nowMs: () => number = Date.now) {
    this.#tables = new Tables(file, nowMs);
  }

  connect(link: NodeLink): Promise<Store> {
    return Promise.resolve(makeStore(this.#tables, link));
  }

  close(): Promise<void> {
    this.#tables.close();
    return Promise.resolve();
  }
}

/** Each call travels there and back. */
function makeStore(tables: Tables, link: NodeLink): Store {
  const call = async <T>(work: () => T): Promise<T> => {
    await link.travel();
    const result = work();
    await link.travel();
    return result;
  };
  return {
    kvGet: (key) => call(() => tables.kvGet(key)),
    kvSet: (key, value, expireInSeconds) => call(() => tables.kvSet(key, value, expireInSeconds)),
    kvSetWithOptions: (key, value, options) =>
      call(() => tables.kvSetWithOptions(key, value, options)),
    kvDelete: (key) => call(() => tables.kvDelete(key)),
    kvDeleteAll: () => call(() => tables.kvDeleteAll()),
    kvList: (page, perPage) => call(() => tables.kvList(page, perPage)),
    pingNode: (hostname) => call(() => tables.pingNode(hostname)),
    removeNode: (hostname) => call(() => tables.removeNode(hostname)),
    query: (sql, args) => call(() => tables.query(sql, args)),
    close: () => Promise.resolve(),
  };
}

/** The tables; SQLite calls are synchronous. */
class Tables {
  readonly #database: DatabaseSync;
  readonly #nowMs: () => number;

  constructor(file: string, nowMs: () => number) {
    if (file !== ':memory:') mkdirSync(path.dirname(file), { recursive: true });
    this.#database = new DatabaseSync(file);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    this.#database.exec(schema);
    this.#nowMs = nowMs;
  }

  close(): void {
    this.#database.close();
  }

  kvGet(key: string): Uint8Array | null {
    const row = this.#database
      .prepare(
        'SELECT pvalue FROM pluginkeyvaluestore WHERE pkey = ? AND (expireat = 0 OR expireat > ?)',
      )
      .get(key, this.#nowMs());
    return row?.pvalue instanceof Uint8Array ? row.pvalue : null;
  }

  kvSet(key: string, value: Uint8Array | null, expireInSeconds = 0): void {
    checkKey(key);
    if (value === null || value.length === 0) {
      this.kvDelete(key);
      return;
    }
    const expireAt = expireInSeconds > 0 ? this.#nowMs() + expireInSeconds * 1000 : 0;
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO pluginkeyvaluestore (pkey, pvalue, expireat) VALUES (?, ?, ?)',
      )
      .run(key, value, expireAt);
  }

  kvSetWithOptions(key: string, value: Uint8Array | null, options: SetOptions): boolean {
    if (!options.atomic && options.oldValue !== null) {
      throw new Error('an old value needs an atomic write');
    }
    // Nothing comes between the comparison and the write.
    if (options.atomic && !isSame(this.kvGet(key), options.oldValue)) return false;
    this.kvSet(key, value, options.expireInSeconds);
    return true;
  }

  kvDelete(key: string): void {
    this.#database.prepare('DELETE FROM pluginkeyvaluestore WHERE pkey = ?').run(key);
  }

  kvDeleteAll(): void {
    this.#database.exec('DELETE FROM pluginkeyvaluestore');
  }

  kvList(page: number, perPage: number): string[] {
    const rows = this.#database
      .prepare(
        'SELECT pkey FROM pluginkeyvaluestore WHERE expireat = 0 OR expireat > ? ' +
          'ORDER BY pkey LIMIT ? OFFSET ?',
      )
      .all(this.#nowMs(), perPage, page * perPage);
    return rows.map((row) => String(row.pkey));
  }

  pingNode(hostname: string): void {
    const nowMs = this.#nowMs();
    this.#database
      .prepare(
        'INSERT INTO clusterdiscovery (id, type, clustername, hostname, gossipport, port, createat, lastpingat) ' +
          "VALUES (?, 'mattermost_app', '', ?, 8074, 8075, ?, ?) " +
          'ON CONFLICT (id) DO UPDATE SET lastpingat = excluded.lastpingat',
      )
      .run(hostname, hostname, nowMs, nowMs);
  }

  removeNode(hostname: string): void {
    this.#database.prepare('DELETE FROM clusterdiscovery WHERE id = ?').run(hostname);
  }

  query(sql: string, args: readonly unknown[]): Rows {
    const statement = this.#database.prepare(translate(sql));
    statement.setReturnArrays(true);
    const columns = statement.columns().map((column) => column.name);
    const values: unknown = statement.all(...args.map(toSqlValue));
    if (!Array.isArray(values)) throw new Error('the query returned no rows');
    return { columns, values: values.map(toRow) };
  }
}

function toRow(row: unknown): SQLOutputValue[] {
  if (!Array.isArray(row)) throw new Error('the query returned a row that is no array');
  return row.map((value: SQLOutputValue) => value);
}

function toSqlValue(value: unknown): string | number | bigint | null | Uint8Array {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
    return value;
  }
  if (value instanceof Uint8Array) return value;
  throw new Error(`a query argument of type ${typeof value} is not supported`);
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  const left = a ?? new Uint8Array();
  const right = b ?? new Uint8Array();
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
