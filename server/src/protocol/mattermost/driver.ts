import { CodedError, hasCode } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { RpcClient } from '../netrpc/index.ts';
import { driver, type NamedValue } from './driver-table.ts';
import { callMethod, type Method } from './method.ts';
import { fromGoValue, toGoValue } from './model/values.ts';

/** More rows than this are refused: results are held in memory. */
const ROWS_MAX = 100_000;

export interface QueryResult {
  readonly columns: string[];
  /** Values as the database driver of the host has them: text, numbers, bytes, booleans, null. */
  readonly rows: unknown[][];
}

/**
 * The database of the Mattermost server. Rejects with `ERR_DATABASE` (details `sqlState`) for what
 * PostgreSQL refuses, and with `ERR_DATABASE_…` for what Go's database library does.
 */
export interface DatabaseDriver {
  /** Runs one statement on a connection to the master. Arguments are `$1`, `$2`, … in PostgreSQL. */
  query(sql: string, args?: readonly unknown[]): Promise<QueryResult>;
  /** The same for a statement without rows; the number of those it changed. */
  execute(sql: string, args?: readonly unknown[]): Promise<number>;
}

/** The host's driver over its stream; see driver-table.ts. */
export class DriverClient implements DatabaseDriver {
  readonly #client: RpcClient;

  constructor(stream: Duplex) {
    this.#client = new RpcClient(stream);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  query(sql: string, args: readonly unknown[] = []): Promise<QueryResult> {
    return this.#withConnection(async (connection) => {
      const sqlArgs = { A: connection, B: sql, C: toNamedValues(args) };
      try {
        return await this.#rowsOf((await this.call(driver.ConnQuery, sqlArgs)).A);
      } catch (error) {
        // MySQL's driver takes arguments in prepared statements only, and says so.
        if (!hasCode(error, 'ERR_DATABASE_SKIP')) throw error;
      }
      const { A: statement } = await this.call(driver.Stmt, { A: connection, B: sql });
      try {
        const statementArgs = { A: statement, B: toNamedValues(args) };
        return await this.#rowsOf((await this.call(driver.StmtQuery, statementArgs)).A);
      } finally {
        await this.#release(driver.StmtClose, statement);
      }
    });
  }

  execute(sql: string, args: readonly unknown[] = []): Promise<number> {
    return this.#withConnection(async (connection) => {
      const sqlArgs = { A: connection, B: sql, C: toNamedValues(args) };
      return (await this.call(driver.ConnExec, sqlArgs)).A.RowsAffected;
    });
  }

  /** Any method of driver-table.ts, for what `query` and `execute` do not do. */
  call<A, R>(method: Method<A, R>, args: A): Promise<R> {
    return callMethod(this.#client, method, args);
  }

  async #withConnection<T>(use: (connection: string) => Promise<T>): Promise<T> {
    const { A: connection } = await this.call(driver.Conn, true);
    try {
      return await use(connection);
    } finally {
      await this.#release(driver.ConnClose, connection);
    }
  }

  async #rowsOf(rows: string): Promise<QueryResult> {
    try {
      return await this.#readRows(rows);
    } finally {
      await this.#release(driver.RowsClose, rows);
    }
  }

  async #readRows(rows: string): Promise<QueryResult> {
    const { A: columns } = await this.call(driver.RowsColumns, rows);
    const result: QueryResult = { columns, rows: [] };
    const empty = columns.map(() => null);
    while (result.rows.length < ROWS_MAX) {
      try {
        const { B: row } = await this.call(driver.RowsNext, { A: rows, B: empty });
        result.rows.push(row.map(fromGoValue));
      } catch (error) {
        if (hasCode(error, 'ERR_DATABASE_EOF')) return result;
        throw error;
      }
    }
    throw new CodedError('ERR_DATABASE_TOO_MANY_ROWS', 'a query has too many rows', {
      limit: ROWS_MAX,
    });
  }

  /** Gives something back; its failure must not hide what the query came to. */
  async #release(method: typeof driver.RowsClose, id: string): Promise<void> {
    await this.call(method, id).catch(() => {});
  }
}

function toNamedValues(args: readonly unknown[]): NamedValue[] {
  return args.map((value, index) => ({ Name: '', Ordinal: index + 1, Value: toGoValue(value) }));
}
