import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

import type { NodeLink } from './node-link.ts';

/** The network between one node and a database server, as a port of its own. */
export interface DatabaseLine {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens for the node and carries its connections on to `target`, as the link lets it. */
export async function openDatabaseLine(
  target: { hostname: string; port: string },
  link: NodeLink,
): Promise<DatabaseLine> {
  const sockets = new Set<Socket>();
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    if (link.database === 'cut') {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.once('close', () => sockets.delete(socket));
    }
    void carry(near, far, link);
    void carry(far, near, link);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const closing = new AbortController();
  void watch(link, hangUp, closing.signal);
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      closing.abort();
      hangUp();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One direction, until either end is gone. */
async function carry(from: Socket, to: Socket, link: NodeLink): Promise<void> {
  try {
    for await (const piece of from) {
      await link.travel();
      if (!to.write(piece as Uint8Array)) await once(to, 'drain');
    }
    to.end();
  } catch {
    from.destroy();
    to.destroy();
  }
}

/** A line that is cut breaks the connections that are open. */
async function watch(link: NodeLink, hangUp: () => void, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    const signal = AbortSignal.any([link.changed, closing]);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (link.database === 'cut') hangUp();
  }
}
