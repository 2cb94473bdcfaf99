import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { connectUnixSocket } from '../../../server/src/platform/unix-socket.ts';
import { int, uint } from '../../../server/src/protocol/gob/index.ts';
import {
  GoPluginHostConnection,
  parseHandshake,
} from '../../../server/src/protocol/goplugin/index.ts';
import { RpcClient } from '../../../server/src/protocol/netrpc/index.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { goSkip } from '../gob/skip.ts';
import { arithServer, handshake, pairSchema } from './arith.ts';
import { peerProgram, runPeer } from './peer.ts';

const OUR_PLUGIN = [process.execPath, join(import.meta.dirname, 'plugin-main.ts')];

test('the Go host starts, uses and ends our plugin', { skip: goSkip }, async () => {
  const dir = temporaryDir('goplugin');
  const endFile = join(dir, 'end');
  process.env['END_FILE'] = endFile;
  process.env['TMPDIR'] = dir;
  try {
    await runPeer(['host', ...OUR_PLUGIN]);
  } finally {
    delete process.env['END_FILE'];
    delete process.env['TMPDIR'];
  }
  assert.equal(readFileSync(endFile, 'utf8'), 'quit\n');
  assert.deepEqual(readdirSync(dir), ['end']);
});

test('our host starts, uses and ends a Go plugin', { skip: goSkip }, async () => {
  const child = spawn(peerProgram(), ['plugin'], {
    env: {
      ...process.env,
      [handshake.cookieKey]: handshake.cookieValue,
      PLUGIN_PROTOCOL_VERSIONS: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const output: string[] = [];
  const host = await GoPluginHostConnection.connect(
    await connectUnixSocket(parseHandshake(handshake, line)),
    {
      clock: systemClock,
      onOutput: (name, bytes) => output.push(`${name}: ${Buffer.from(bytes).toString()}`),
    },
  );
  await host.ping();
  await assert.rejects(host.dispense('nothing'), { message: 'unknown plugin type: nothing' });
  const arith = new RpcClient(await host.dispense('arith'));
  assert.equal(await arith.call('Plugin.Add', pairSchema, { A: 1, B: 2 }, int), 3);
  for (let i = 0; i < 50; i++) {
    const number = host.broker.nextId();
    const served = host.broker.accept(number).then((stream) => arithServer('Plugin').serve(stream));
    assert.equal(await arith.call('Plugin.Back', uint, number, int), 42);
    await served;
  }
  await host.quit();
  await exit;
  assert.ok(output.includes('stdout: said on stdout\n'));
  assert.ok(output.includes('stderr: said on stderr\n'));
});
