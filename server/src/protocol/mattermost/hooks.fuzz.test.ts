import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fuzzMs, fuzzSeed, Random } from '../../../test/kits/random.ts';
import { duplexPair } from '../../../test/support/duplex-pair.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { fill } from '../gob/index.ts';
import type { Broker } from '../goplugin/index.ts';
import { EMPTY, RpcClient } from '../netrpc/index.ts';
import { HookServer } from './hook-server.ts';
import { hooks as table } from './hooks-table.ts';
import { callMethod } from './method.ts';
import { commandArgsSchema } from './model/command.ts';
import { contextSchema } from './model/server.ts';

/** One stream may not take longer, whatever its bytes claim. */
const STREAM_MS_MAX = 2000;

/** Nobody is there to dial or to be dialled. */
const noBroker: Broker = {
  nextId: () => 1,
  accept: () => Promise.reject(new CodedError('ERR_BROKER_CLOSED', 'closed')),
  dial: () => Promise.reject(new CodedError('ERR_BROKER_CLOSED', 'closed')),
};

function server(): HookServer {
  const hooks = {
    executeCommand: () => Promise.resolve({ Text: 'ok' }),
    onPluginClusterEvent: () => Promise.resolve(),
    configurationWillBeSaved: () => Promise.resolve('no'),
    serveHttp: () => Promise.resolve(),
  };
  return new HookServer(hooks, noBroker, silentLogger);
}

/** The bytes that a host sends for calls of several hooks. */
async function recordCalls(): Promise<Uint8Array> {
  const [near, far] = duplexPair();
  const sent: Uint8Array[] = [];
  const recording: Duplex = {
    read: () => near.read(),
    write(bytes) {
      sent.push(bytes.slice());
      return near.write(bytes);
    },
    closeWrite: () => near.closeWrite(),
    close: () => near.close(),
    destroy: (reason) => near.destroy(reason),
  };
  const serving = server().serve(far);
  const client = new RpcClient(recording);
  const A = fill(contextSchema, { SessionId: 'session' });
  const B = fill(commandArgsSchema, { Command: '/metrics dump' });
  await callMethod(client, table.Implemented, EMPTY);
  await callMethod(client, table.ExecuteCommand, { A, B });
  await callMethod(client, table.OnPluginClusterEvent, { A, B: { Id: 'x', Data: B_DATA } });
  await callMethod(client, table.ConfigurationWillBeSaved, { A: null }).catch(() => {});
  await client.close();
  await serving.catch(() => {});
  return Buffer.concat(sent);
}

const B_DATA = new Uint8Array(50);

/** Feeds bytes to a hook server; it must end, well or with a coded error, and in time. */
async function serveBytes(bytes: Uint8Array): Promise<void> {
  const [near, far] = duplexPair();
  const started = performance.now();
  const serving = server().serve(far);
  const draining = (async () => {
    while ((await near.read()) !== undefined);
  })().catch(() => {});
  await near.write(bytes);
  await near.closeWrite();
  await serving.catch((error: unknown) => assert.ok(error instanceof CodedError, String(error)));
  await draining;
  assert.ok(performance.now() - started < STREAM_MS_MAX, 'the stream took too long');
}

test('hook calls cut off anywhere end the stream', async () => {
  const stream = await recordCalls();
  for (let length = 0; length < stream.length; length++) {
    await serveBytes(stream.subarray(0, length));
  }
});

test('damaged hook calls are refused or end the stream', async (t) => {
  const seed = fuzzSeed();
  const random = new Random(seed);
  const stream = await recordCalls();
  const until = performance.now() + fuzzMs(1000);
  let runs = 0;
  while (performance.now() < until) {
    const damaged = Uint8Array.from(stream);
    for (let count = 1 + random.int(4); count > 0; count--) {
      damaged[random.int(damaged.length)] = random.int(256);
    }
    try {
      await serveBytes(damaged);
    } catch (error) {
      const bytes = Buffer.from(damaged).toString('hex');
      throw new Error(`seed ${seed}, run ${runs}: ${bytes}`, { cause: error });
    }
    runs++;
  }
  t.diagnostic(`${runs} damaged streams, seed ${seed}`);
});
