import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

import { ended, spawnTied } from '../support/processes.ts';
import { closeServer, type Exporter, listen } from './exporter.ts';

/** Names of the program: upstream's, and Debian's. */
const programs = ['node_exporter', 'prometheus-node-exporter'];

/** Starts node_exporter on a free port, or answers undefined where it is not installed. */
export async function startNodeExporter(): Promise<Exporter | undefined> {
  const program = find(programs);
  if (program === undefined) return undefined;
  const port = await freePort();
  const child = spawnTied(program, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  return {
    port,
    close: async () => {
      child.kill();
      await ended(child);
    },
  };
}

function find(names: readonly string[]): string | undefined {
  const dirs = (process.env.PATH ?? '').split(path.delimiter);
  return dirs
    .flatMap((dir) => names.map((name) => path.join(dir, name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await closeServer(server);
  return port;
}
