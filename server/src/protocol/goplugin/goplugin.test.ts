import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duplexPair } from '../../../test/support/duplex-pair.ts';
import { silentLogger } from '../../base/log.ts';
import { systemClock } from '../../platform/system-clock.ts';
import { int } from '../gob/index.ts';
import { RpcClient, RpcServer } from '../netrpc/index.ts';
import { GoPluginHostConnection, servePluginConnection } from './index.ts';

const clock = systemClock;

test('a host pings, dispenses, calls both ways, reads output and quits', async () => {
  const [hostEnd, pluginEnd] = duplexPair();
  const output: string[] = [];
  const serving = servePluginConnection(pluginEnd, {
    clock,
    logger: silentLogger,
    plugins: {
      hooks: async (stream, broker) => {
        const server = new RpcServer();
        server.handle('Plugin.Double', int, int, async (id) => {
          const back = new RpcClient(await broker.dial(id));
          const n = await back.call('Plugin.Number', int, 0, int);
          await back.close();
          return n * 2;
        });
        await server.serve(stream);
      },
    },
  });
  const host = await GoPluginHostConnection.connect(hostEnd, {
    clock,
    onOutput: (name, bytes) => output.push(`${name}: ${new TextDecoder().decode(bytes)}`),
  });
  const plugin = await serving;
  await host.ping();
  assert.equal(plugin.stdout.take(new TextEncoder().encode('hello')), true);
  await assert.rejects(host.dispense('nothing'), {
    code: 'ERR_RPC_REMOTE',
    message: 'unknown plugin type: nothing',
  });
  const hooks = new RpcClient(await host.dispense('hooks'));
  const id = host.broker.nextId();
  const api = new RpcServer();
  api.handle('Plugin.Number', int, int, () => 21);
  const served = host.broker.accept(id).then((stream) => api.serve(stream));
  assert.equal(await hooks.call('Plugin.Double', int, id, int), 42);
  await served;
  await host.quit();
  assert.equal(await plugin.ended, undefined);
  await plugin.close();
  assert.deepEqual(output, ['stdout: hello']);
});
