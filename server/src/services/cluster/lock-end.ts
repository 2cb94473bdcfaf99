import type { Query } from './nodes.ts';

/**
 * When a lock of the key-value store ends, Unix milliseconds by the clock of the server that wrote
 * it; undefined when there is none. The plugin API does not tell.
 *
 * @param driver `SqlSettings.DriverName` of the server
 */
export async function queryLockEnd(
  query: Query,
  driver: string,
  pluginId: string,
  key: string,
): Promise<number | undefined> {
  const [first, second] = driver === 'mysql' ? ['?', '?'] : ['$1', '$2'];
  const sql = `SELECT ExpireAt FROM PluginKeyValueStore WHERE PluginId = ${first} AND PKey = ${second}`;
  const { rows } = await query(sql, [pluginId, key]);
  if (rows.length === 0) return undefined;
  const [[value]] = rows;
  return Number(value instanceof Uint8Array ? new TextDecoder().decode(value) : value);
}
