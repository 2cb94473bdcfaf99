// The smallest plugin: a process of its own for tests of how processes start and end.

import { appendFileSync } from 'node:fs';

import { silentLogger } from '../../src/base/log.ts';
import { pluginProcess } from '../../src/platform/plugin-process.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { int } from '../../src/protocol/gob/index.ts';
import { serveGoPlugin } from '../../src/protocol/goplugin/index.ts';
import { RpcServer } from '../../src/protocol/netrpc/index.ts';

export const handshake = { cookieKey: 'SMALL_PLUGIN', cookieValue: 'small', protocolVersion: 1 };

const server = new RpcServer();
server.handle('Plugin.Double', int, int, (n) => n * 2);

async function main(): Promise<void> {
  process.exitCode = await serveGoPlugin({
    process: pluginProcess,
    clock: systemClock,
    logger: silentLogger,
    handshake,
    plugins: { double: (stream) => server.serve(stream) },
    startedByHand: 'This is a plugin.',
    onEnd: (reason) => {
      if (process.env.END_FILE !== undefined) appendFileSync(process.env.END_FILE, `${reason}\n`);
      return Promise.resolve();
    },
  });
}

if (import.meta.main) await main();
