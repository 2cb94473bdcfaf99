// The host's database driver, over the store of a node: connections and open queries by number.
import { CodedError } from '../../server/src/base/errors.ts';
import { driver, type NamedValue } from '../../server/src/protocol/mattermost/driver-table.ts';
import { serveMethod } from '../../server/src/protocol/mattermost/method.ts';
import { fromGoValue, toGoValue } from '../../server/src/protocol/mattermost/model/values.ts';
import { RpcServer } from '../../server/src/protocol/netrpc/index.ts';
import type { Rows, Store } from './store.ts';

interface OpenRows {
  readonly rows: Rows;
  next: number;
}

/** Serves queries; statements, transactions and writes are not offered to plugins here. */
export function makeDriverServer(store: Store): RpcServer {
  const server = new RpcServer();
  const connections = new Set<string>();
  const queries = new Map<string, OpenRows>();
  let lastId = 0;
  const newId = (): string => String(++lastId);

  serveMethod(server, driver.Conn, () => {
    const id = newId();
    connections.add(id);
    return { A: id, B: null };
  });
  serveMethod(server, driver.ConnPing, (id) => {
    requireConnection(id);
    return { A: null };
  });
  serveMethod(server, driver.ConnClose, (id) => {
    connections.delete(id);
    return { A: null };
  });
  serveMethod(server, driver.ConnQuery, async ({ A: connection, B: sql, C: args }) => {
    requireConnection(connection);
    const rows = await store.query(sql, inOrder(args));
    const id = newId();
    queries.set(id, { rows, next: 0 });
    return { A: id, B: null };
  });
  serveMethod(server, driver.RowsColumns, (id) => ({ A: [...requireQuery(id).rows.columns] }));
  serveMethod(server, driver.RowsNext, ({ A: id }) => {
    const open = requireQuery(id);
    const row = open.rows.values[open.next++];
    if (row === undefined) throw new CodedError('ERR_DATABASE_EOF', 'EOF');
    return { A: null, B: row.map(toGoValue) };
  });
  serveMethod(server, driver.RowsHasNextResultSet, () => ({ A: false }));
  serveMethod(server, driver.RowsClose, (id) => {
    queries.delete(id);
    return { A: null };
  });
  return server;

  function requireConnection(id: string): void {
    if (!connections.has(id)) throw new CodedError('ERR_DATABASE_CONN_DONE', 'no such connection');
  }

  function requireQuery(id: string): OpenRows {
    const open = queries.get(id);
    if (open === undefined) throw new CodedError('ERR_DATABASE_CONN_DONE', 'no such rows');
    return open;
  }
}

function inOrder(args: readonly NamedValue[]): unknown[] {
  return args.toSorted((a, b) => a.Ordinal - b.Ordinal).map(({ Value }) => fromGoValue(Value));
}
