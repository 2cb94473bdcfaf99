import assert from 'node:assert/strict';
import { test } from 'node:test';

import { int, string } from '../../../server/src/protocol/gob/index.ts';
import { RpcClient, emptySchema } from '../../../server/src/protocol/netrpc/index.ts';
import { goSkip } from '../gob/skip.ts';
import { arithServer, countsSchema, linesSchema, pairSchema } from './arith.ts';
import { connectPeer } from './peer.ts';

test("Go's net/rpc client calls our server", { skip: goSkip }, async () => {
  const { socket, done } = await connectPeer(['rpc-client']);
  await arithServer('Arith').serve(socket);
  await done;
});

test("our client calls Go's net/rpc server", { skip: goSkip }, async () => {
  const { socket, done } = await connectPeer(['rpc-server']);
  const client = new RpcClient(socket);
  const sums = Array.from({ length: 500 }, (_, A) =>
    client.call('Arith.Add', pairSchema, { A, B: A }, int),
  );
  assert.deepEqual(
    await Promise.all(sums),
    Array.from({ length: 500 }, (_, i) => 2 * i),
  );
  const refusals = {
    'Arith.Fail': 'failed: now',
    'Arith.Missing': "rpc: can't find method Arith.Missing",
    'Other.Fail': "rpc: can't find service Other.Fail",
  };
  for (const [method, message] of Object.entries(refusals)) {
    await assert.rejects(client.call(method, string, 'now', emptySchema), { message });
  }
  await assert.rejects(client.call('Arith.Add', string, 'two', int), { code: 'ERR_RPC_REMOTE' });
  const counts = new Map([['ab', 200_000]]);
  const lines = await client.call('Arith.Repeat', countsSchema, counts, linesSchema);
  assert.deepEqual(lines, ['ab'.repeat(200_000)]);
  await client.close();
  await done;
});
