import type { Duplex } from '../../../server/src/base/ports/duplex.ts';
import { int, map, slice, string, struct, uint } from '../../../server/src/protocol/gob/index.ts';
import type { Broker } from '../../../server/src/protocol/goplugin/index.ts';
import { RpcClient, RpcServer, emptySchema } from '../../../server/src/protocol/netrpc/index.ts';

export const handshake = { cookieKey: 'PEER_PLUGIN', cookieValue: 'peer', protocolVersion: 1 };

export const pairSchema = struct('Pair', { A: int, B: int });
export const countsSchema = map(string, int);
export const linesSchema = slice(string);

/** The service of peer/rpc.go, made here. */
export function arithServer(service: string): RpcServer {
  const server = new RpcServer();
  server.handle(`${service}.Add`, pairSchema, int, ({ A, B }) => A + B);
  server.handle(`${service}.Fail`, string, emptySchema, (text) => {
    throw new Error(`failed: ${text}`);
  });
  server.handle(`${service}.Repeat`, countsSchema, linesSchema, (counts) =>
    [...counts].map(([text, count]) => text.repeat(count)),
  );
  return server;
}

/** The plugin of peer/goplugin.go, made here. */
export async function servePlugin(stream: Duplex, broker: Broker): Promise<void> {
  const server = arithServer('Plugin');
  server.handle('Plugin.Back', uint, int, async (number) => {
    const client = new RpcClient(await broker.dial(number));
    process.stdout.write('said on stdout\n');
    process.stderr.write('said on stderr\n');
    const sum = await client.call('Plugin.Add', pairSchema, { A: 20, B: 22 }, int);
    await client.close();
    return sum;
  });
  await server.serve(stream);
}
