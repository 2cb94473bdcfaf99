import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';

import { readManifest } from '../manifest.ts';

/** Conditions and lifetime of a write, as in Mattermost's PluginKVSetOptions. */
export interface SetOptions {
  readonly atomic: boolean;
  /** The value that has to be there; null: the key must be absent. Only with `atomic`. */
  readonly oldValue: Uint8Array | null;
  /** 0: for ever. */
  readonly expireInSeconds: number;
}

/** Rows of a query with the columns in their order. */
export interface Rows {
  readonly columns: readonly string[];
  readonly values: readonly (readonly SQLOutputValue[])[];
}

const { id: pluginId } = readManifest();

/** Longest key that Mattermost takes, in code points. */
const keyMaxLength = 150;

const schema = `
  CREATE TABLE IF NOT EXISTS pluginkeyvaluestore (
    pluginid TEXT NOT NULL DEFAULT '${pluginId}', pkey TEXT PRIMARY KEY,
    pvalue BLOB NOT NULL, expireat INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS clusterdiscovery (
    id TEXT PRIMARY KEY, type TEXT, clustername TEXT, hostname TEXT,
    gossipport INTEGER, port INTEGER, createat INTEGER, lastpingat INTEGER
  );
`;

/** What a Mattermost server keeps in its database for a plugin, in one SQLite file. */
export class Store {
  readonly #database: DatabaseSync;
  readonly #nowMs: () => number;

  /** @param file path of the database, or `:memory:` */
  constructor(file: string, nowMs: () => number = Date.now) {
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

  /** An empty or absent value deletes the key, as Mattermost has it. */
  kvSet(key: string, value: Uint8Array | null, expireInSeconds = 0): void {
    if (key === '' || [...key].length > keyMaxLength) throw new Error(`invalid key: ${key}`);
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

  /** Whether the value was written: with `atomic`, only when the old value was the expected one. */
  kvSetWithOptions(key: string, value: Uint8Array | null, options: SetOptions): boolean {
    if (!options.atomic && options.oldValue !== null) {
      throw new Error('an old value needs an atomic write');
    }
    // SQLite calls are synchronous: nothing comes between the comparison and the write.
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

  /** One page of the living keys in their order; pages count from 0. */
  kvList(page: number, perPage: number): string[] {
    const rows = this.#database
      .prepare(
        'SELECT pkey FROM pluginkeyvaluestore WHERE expireat = 0 OR expireat > ? ' +
          'ORDER BY pkey LIMIT ? OFFSET ?',
      )
      .all(this.#nowMs(), perPage, page * perPage);
    return rows.map((row) => String(row.pkey));
  }

  /** A server of the cluster is alive; as Mattermost does it each minute. */
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

  /** A server has left the cluster in an orderly way. */
  removeNode(hostname: string): void {
    this.#database.prepare('DELETE FROM clusterdiscovery WHERE id = ?').run(hostname);
  }

  /** A JSON document by name, or undefined when it was never written. */
  readDocument(name: string): unknown {
    const row = this.#database.prepare('SELECT json FROM documents WHERE name = ?').get(name);
    return row === undefined ? undefined : JSON.parse(String(row.json));
  }

  writeDocument(name: string, value: unknown): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO documents (name, json) VALUES (?, ?)')
      .run(name, JSON.stringify(value));
  }

  /** Runs a statement of the plugin, with PostgreSQL's placeholders `$1`, `$2`, … */
  query(sql: string, args: readonly unknown[]): Rows {
    const statement = this.#database.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'));
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
