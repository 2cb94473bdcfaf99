import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { ended, run, spawnTied } from './processes.ts';
import { freePort } from './temporary.ts';
import { requireTool, tools, userExists } from './tools.ts';
import { waitUntil } from './wait.ts';

/** A PostgreSQL cluster of our own, on a port of its own, thrown away with its directory. */
export interface Postgres {
  /** Connection string of a database that was made for the caller. */
  readonly dsn: string;
  /** Another database of this cluster, by its connection string. */
  createDatabase(name: string): string;
  /** One statement, answered as `psql` prints it: rows by line, columns by `|`. */
  query(sql: string): string;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root; root lends it a user that owns nothing else. */
function unprivilegedUser(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return userExists('postgres') ? 'postgres' : 'nobody';
}

/** @param dir an existing directory; the cluster goes into a folder of it */
export async function startPostgres(dir: string): Promise<Postgres> {
  const bin = requireTool(tools.postgres);
  const user = unprivilegedUser();
  const data = join(dir, 'postgres');
  mkdirSync(data, { mode: 0o700 });
  if (user !== undefined) {
    chownSync(data, Number(run('id', ['-u', user])), Number(run('id', ['-g', user])));
  }
  const options = { user, cwd: data };
  const initdb = ['-D', data, '-U', 'mmuser', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  run(join(bin, 'initdb'), [...initdb, '--no-sync'], options);

  const port = await freePort();
  const settings = ['fsync=off', 'shared_buffers=32MB', 'unix_socket_directories='];
  const server = spawnTied(
    join(bin, 'postgres'),
    ['-D', data, '-h', '127.0.0.1', '-p', `${port}`, ...settings.flatMap((s) => ['-c', s])],
    { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (log = (log + text).slice(-4000)));

  const psql = (database: string, sql: string): string =>
    run(join(bin, 'psql'), [
      ...['-h', '127.0.0.1', '-p', `${port}`, '-U', 'mmuser', '-d', database],
      ...['-v', 'ON_ERROR_STOP=1', '-XAtqc', sql],
    ]).trim();
  await waitUntil('PostgreSQL answers', () => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended: ${log}`);
    return psql('postgres', 'SELECT 1') === '1';
  });
  const createDatabase = (name: string): string => {
    psql('postgres', `CREATE DATABASE ${name}`);
    return `postgres://mmuser@127.0.0.1:${port}/${name}?sslmode=disable&connect_timeout=10`;
  };
  return {
    dsn: createDatabase('mattermost'),
    createDatabase,
    query: (sql) => psql('mattermost', sql),
    async stop() {
      // SIGINT is PostgreSQL's "fast shutdown": it does not wait for clients.
      server.kill('SIGINT');
      await ended(server);
    },
  };
}
