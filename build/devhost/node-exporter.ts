import { createServer } from 'node:http';

import { ended, spawnTied } from '../support/processes.ts';
import { tools } from '../support/tools.ts';
import { closeServer, type Exporter, listen } from './exporter.ts';

/** Starts node_exporter on a free port, or answers undefined where it is not installed. */
export async function startNodeExporter(): Promise<Exporter | undefined> {
  const program = tools.nodeExporter.find();
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

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await closeServer(server);
  return port;
}
