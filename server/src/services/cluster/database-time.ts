import type { Query } from './nodes.ts';

/**
 * The time of day of the server's database, Unix milliseconds; undefined when it tells none.
 *
 * @param driver `SqlSettings.DriverName` of the server
 */
export async function queryDatabaseTime(query: Query, driver: string): Promise<number | undefined> {
  const sql =
    driver === 'mysql'
      ? 'SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)'
      : 'SELECT CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)';
  const [row] = (await query(sql, [])).rows;
  const value: unknown = row?.[0];
  const timeMs = Number(value instanceof Uint8Array ? new TextDecoder().decode(value) : value);
  return timeMs > 0 ? timeMs : undefined;
}
