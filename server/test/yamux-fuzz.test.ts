import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ByteWriter } from '../src/base/bytes/byte-writer.ts';
import { CodedError, describeError } from '../src/base/errors.ts';
import type { Duplex } from '../src/base/ports/duplex.ts';
import { string } from '../src/protocol/gob/index.ts';
import { RpcClient, RpcServer } from '../src/protocol/netrpc/index.ts';
import { YamuxSession } from '../src/protocol/yamux/index.ts';
import { Random, fuzzMs, fuzzSeed } from './kits/random.ts';
import { duplexPair } from './support/duplex-pair.ts';
import { FakeClock, settle } from './support/fake-clock.ts';

const seed = fuzzSeed();
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Passes writes on and keeps a copy. */
function recording(duplex: Duplex, into: ByteWriter): Duplex {
  return {
    read: () => duplex.read(),
    write: (bytes) => {
      into.raw(bytes);
      return duplex.write(bytes);
    },
    closeWrite: () => duplex.closeWrite(),
    close: () => duplex.close(),
    destroy: (reason) => duplex.destroy(reason),
  };
}

function echoServer(): RpcServer {
  const server = new RpcServer();
  server.handle('Echo.Echo', string, string, (text) => text);
  return server;
}

/** Serves net/rpc on each stream that comes, as a plugin does. */
async function serveAll(session: YamuxSession, errors: unknown[]): Promise<void> {
  for (let s = await session.accept(); s !== undefined; s = await session.accept()) {
    void echoServer()
      .serve(s)
      .catch((error: unknown) => errors.push(error));
  }
}

/** What a good client sends in a short conversation. */
async function recordConversation(): Promise<Uint8Array> {
  const clock = new FakeClock();
  const [a, b] = duplexPair();
  const sent = new ByteWriter();
  const client = new YamuxSession(recording(a, sent), { role: 'client', clock });
  void serveAll(new YamuxSession(b, { role: 'server', clock }), []);
  for (let i = 0; i < 3; i++) {
    const rpc = new RpcClient(await client.open());
    for (const length of [1, 300, 2000]) {
      await rpc.call('Echo.Echo', string, 'é'.repeat(length), string);
    }
    await rpc.close();
  }
  const dropped = await client.open();
  await dropped.write(new Uint8Array(100));
  dropped.destroy();
  await client.ping();
  await client.close();
  return sent.copy();
}

/** Feeds bytes to a serving session; whatever they are, it ends in order when they do. */
async function feed(bytes: Uint8Array, random: Random): Promise<void> {
  const [a, b] = duplexPair({ pieceBytes: () => 1 + random.int(400), capacityBytes: 1e9 });
  const session = new YamuxSession(b, { role: 'server', clock: new FakeClock() });
  const errors: unknown[] = [];
  const serving = serveAll(session, errors);
  void (async () => {
    while ((await a.read()) !== undefined);
  })().catch(() => undefined);
  await a.write(bytes);
  await a.closeWrite();
  const reason = await session.closed;
  await serving;
  await settle();
  assert.ok(reason instanceof CodedError);
  for (const error of errors) assert.ok(error instanceof CodedError, String(error));
  for (let cause: unknown = reason; cause !== undefined;) {
    assert.ok(cause instanceof CodedError, `not a coded error: ${describeError(cause)}`);
    cause = cause.cause;
  }
}

test('every truncation of a good conversation ends in a coded error', async () => {
  const good = await recordConversation();
  const random = new Random(seed);
  const step = Math.ceil(good.length / 400);
  for (let length = 0; length < good.length; length += 1 + random.int(step * 2)) {
    await feed(good.subarray(0, length), random);
  }
});

test(`random damage ends in a coded error, without growth (seed ${seed})`, async () => {
  const good = await recordConversation();
  const random = new Random(seed);
  const until = performance.now() + fuzzMs(3000);
  const before = process.memoryUsage();
  for (let round = 0; performance.now() < until; round++) {
    const bad = good.slice();
    for (let hits = 1 + random.int(8); hits > 0; hits--) {
      bad[random.int(bad.length)] = random.pick([random.int(256), 0, 0xff, 0x80]);
    }
    await feed(bad, random);
  }
  const after = process.memoryUsage();
  const heldBytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(heldBytes < HELD_BYTES_MAX, `${heldBytes} bytes are still held`);
});
