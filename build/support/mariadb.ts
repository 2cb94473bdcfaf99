import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { ended, run, spawnTied } from './processes.ts';
import { freePort } from './temporary.ts';
import { requireTool, tools } from './tools.ts';
import { waitUntil } from './wait.ts';

/** A MariaDB server of our own, thrown away with its directory. */
export interface MariaDb {
  /** As Go's MySQL driver has it. */
  readonly dsn: string;
  stop(): Promise<void>;
}

/**
 * @param dir an existing directory; the server goes into a folder of it
 * @param statements what it runs in the database `mattermost` before it answers, one per line
 */
export async function startMariaDb(dir: string, statements: readonly string[]): Promise<MariaDb> {
  const program = requireTool(tools.mariadb);
  const data = join(dir, 'mariadb');
  mkdirSync(data);
  const user = `--user=${userInfo().username}`;
  run(requireTool(tools.mariadbInstall), [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    user,
  ]);
  const initFile = join(dir, 'init.sql');
  const preamble = ['CREATE DATABASE mattermost;', 'USE mattermost;'];
  writeFileSync(initFile, [...preamble, ...statements, ''].join('\n'));
  const port = await freePort();
  const server = spawnTied(
    program,
    [
      ...['--no-defaults', `--datadir=${data}`, user, `--port=${port}`],
      ...['--bind-address=127.0.0.1', `--socket=${join(data, 'socket')}`],
      ...[`--init-file=${initFile}`, '--skip-log-bin', '--innodb-flush-log-at-trx-commit=0'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (log = (log + text).slice(-4000)));
  await waitUntil(
    'MariaDB answers',
    () => {
      if (server.exitCode !== null) throw new Error(`MariaDB ended: ${log}`);
      return log.includes('ready for connections');
    },
    30_000,
  );
  return {
    dsn: `root@tcp(127.0.0.1:${port})/mattermost`,
    async stop() {
      server.kill('SIGTERM');
      await ended(server);
    },
  };
}
