import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ByteWriter } from '../src/base/bytes/byte-writer.ts';
import { CodedError } from '../src/base/errors.ts';
import { int, map, string } from '../src/protocol/gob/index.ts';
import { RpcClient, RpcServer } from '../src/protocol/netrpc/index.ts';
import { Random, fuzzMs, fuzzSeed } from './kits/random.ts';
import { duplexPair, type MemoryDuplex } from './support/duplex-pair.ts';

const seed = fuzzSeed();
const countsSchema = map(string, int);
const METHODS = ['Text.Count', 'Text.Count', 'Text.Fail', 'Text.Missing', 'Text.Count'];

function textServer(): RpcServer {
  const server = new RpcServer();
  server.handle('Text.Count', string, countsSchema, (text) => {
    return new Map([...text].map((letter, index) => [letter, index]));
  });
  server.handle('Text.Fail', string, countsSchema, () => {
    throw new Error('no luck');
  });
  return server;
}

function callAll(client: RpcClient): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(
    METHODS.map((method) => client.call(method, string, 'some text', countsSchema)),
  );
}

/** What a server answers to `METHODS`. */
async function recordAnswers(): Promise<Uint8Array> {
  const [a, b] = duplexPair();
  const sent = new ByteWriter();
  const write = b.write.bind(b);
  b.write = (bytes) => {
    sent.raw(bytes);
    return write(bytes);
  };
  const served = textServer().serve(b);
  const client = new RpcClient(a);
  await callAll(client);
  await client.close();
  await served;
  return sent.copy();
}

/** Each call settles with an answer or a coded error, whatever comes back. */
async function answerWith(bytes: Uint8Array, random: Random): Promise<void> {
  const [a, b]: [MemoryDuplex, MemoryDuplex] = duplexPair({
    pieceBytes: () => 1 + random.int(50),
  });
  const client = new RpcClient(a);
  const calls = callAll(client);
  await b.write(bytes);
  await b.closeWrite();
  for (const result of await calls) {
    if (result.status === 'rejected') assert.ok(result.reason instanceof CodedError);
  }
  await client.closed;
}

test('answers that are cut off settle every call', async () => {
  const good = await recordAnswers();
  const random = new Random(seed);
  for (let length = 0; length < good.length; length++) {
    await answerWith(good.subarray(0, length), random);
  }
});

test(`damaged answers settle every call (seed ${seed})`, async () => {
  const good = await recordAnswers();
  const random = new Random(seed);
  const until = performance.now() + fuzzMs(1500);
  while (performance.now() < until) {
    const bad = good.slice();
    for (let hits = 1 + random.int(4); hits > 0; hits--) {
      bad[random.int(bad.length)] = random.int(256);
    }
    await answerWith(bad, random);
  }
});
