import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duplexPair } from '../../../test/support/duplex-pair.ts';
import { accept, control, RawPeer } from '../../../test/support/yamux-raw-peer.ts';
import { int, string, struct } from '../gob/index.ts';
import { FLAG_FIN } from '../yamux/frame.ts';
import { RpcClient, RpcServer, emptySchema } from './index.ts';

const argsSchema = struct('Args', { A: int, B: int });

function arithServer(): RpcServer {
  const server = new RpcServer();
  server.handle('Arith.Add', argsSchema, int, ({ A, B }) => A + B);
  server.handle('Arith.Fail', argsSchema, int, () => {
    throw new Error('no luck');
  });
  server.handle('Arith.BadReply', argsSchema, string, () => JSON.parse('5') as string);
  return server;
}

function connect(pieceBytes?: () => number): { client: RpcClient; served: Promise<void> } {
  const [a, b] = duplexPair(pieceBytes === undefined ? {} : { pieceBytes });
  return { client: new RpcClient(a), served: arithServer().serve(b) };
}

test('calls are answered, byte by byte and many at once', async () => {
  const { client, served } = connect(() => 1);
  const sums = Array.from({ length: 50 }, (_, A) =>
    client.call('Arith.Add', argsSchema, { A, B: 1 }, int),
  );
  assert.deepEqual(
    await Promise.all(sums),
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
  await client.close();
  await served;
  assert.equal(await client.closed, undefined);
});

const failures = [
  ['Arith.Fail', 'no luck'],
  ['Arith.Missing', "rpc: can't find method Arith.Missing"],
  ['Other.Add', "rpc: can't find service Other.Add"],
  ['Add', 'rpc: service/method request ill-formed: Add'],
] as const;

for (const [method, message] of failures) {
  test(`a failing call to ${method} leaves the connection usable`, async () => {
    const { client } = connect();
    await assert.rejects(client.call(method, argsSchema, { A: 1, B: 2 }, int), {
      code: 'ERR_RPC_REMOTE',
      message,
    });
    assert.equal(await client.call('Arith.Add', argsSchema, { A: 1, B: 2 }, int), 3);
    await client.close();
  });
}

test('an argument, a reply, or a value of the wrong type fails its call alone', async () => {
  const { client } = connect();
  await assert.rejects(client.call('Arith.Add', string, 'two', int), { code: 'ERR_RPC_REMOTE' });
  await assert.rejects(client.call('Arith.BadReply', argsSchema, { A: 1, B: 2 }, string), {
    code: 'ERR_RPC_REMOTE',
  });
  await assert.rejects(client.call('Arith.Add', argsSchema, { A: 1, B: 2 }, string), {
    code: 'ERR_GOB_TYPE',
  });
  await assert.rejects(client.call('Arith.Add', int, 1.5, int), { code: 'ERR_GOB_VALUE' });
  assert.equal(await client.call('Arith.Add', argsSchema, { A: 1, B: 2 }, int), 3);
  await client.close();
});

test('calls under way are rejected when the other side hangs up', async () => {
  const [a, b] = duplexPair();
  const client = new RpcClient(a);
  const call = client.call('Arith.Add', emptySchema, {}, int);
  b.destroy();
  await assert.rejects(call, { code: 'ERR_RPC_CLOSED' });
  await assert.rejects(client.call('Arith.Add', emptySchema, {}, int), { code: 'ERR_RPC_CLOSED' });
  assert.equal((await client.closed)?.code, 'ERR_RPC_CLOSED');
});

test('a server that is sent garbage ends the connection with an error', async () => {
  const [a, b] = duplexPair();
  const served = arithServer().serve(b);
  await a.write(new Uint8Array([0xf8, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  await assert.rejects(served, { code: 'ERR_RPC_CLOSED' });
});

test('a server that loses the stream inside a message says so', async () => {
  const [a, b] = duplexPair();
  const served = arithServer().serve(b);
  await a.write(new Uint8Array([100, 1]));
  await a.closeWrite();
  await assert.rejects(served, { code: 'ERR_RPC_CLOSED' });
});

test('a client that is closed ends its stream, and resets nothing that Go has forgotten by then', async () => {
  const peer = new RawPeer();
  const client = new RpcClient(await accept(peer));
  const closed = client.close();
  await peer.send(control(1, FLAG_FIN));
  await closed;
  await client.closed;
  const frames = await peer.take();
  assert.deepEqual(
    frames.map(({ flags }) => flags).filter((flags) => flags !== 0),
    [FLAG_FIN],
  );
});
