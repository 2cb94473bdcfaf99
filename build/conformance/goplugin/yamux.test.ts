import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { systemClock } from '../../../server/src/platform/system-clock.ts';
import type { YamuxStream } from '../../../server/src/protocol/yamux/index.ts';
import { YamuxSession } from '../../../server/src/protocol/yamux/index.ts';
import { goSkip } from '../gob/skip.ts';
import { connectPeer } from './peer.ts';

const BODY_BYTES = 100 * 1024 * 1024;
const BLOCK_BYTES = 100_000;

/** Sends back what comes, piece by piece, as slowly as it is taken. */
async function echo(stream: YamuxStream): Promise<void> {
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    await stream.write(bytes);
  }
  await stream.close();
}

async function readAll(stream: YamuxStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

for (const role of ['client', 'server'] as const) {
  const goRole = role === 'client' ? 'server' : 'client';

  test(`Go as the ${goRole} opens streams to us`, { skip: goSkip }, async () => {
    const { socket, done } = await connectPeer(['drive', goRole]);
    const session = new YamuxSession(socket, { role, clock: systemClock });
    const echoes: Promise<void>[] = [];
    for (let s = await session.accept(); s !== undefined; s = await session.accept()) {
      echoes.push(echo(s));
    }
    await done;
    await Promise.all(echoes);
    assert.equal(session.streamCount, 0);
    assert.equal((await session.closed)?.code, 'ERR_YAMUX_SESSION_LOST');
  });

  test(`we open streams to Go as the ${goRole}`, { skip: goSkip }, async () => {
    const { socket, done } = await connectPeer(['echo', goRole]);
    const session = new YamuxSession(socket, { role, clock: systemClock });
    await Promise.all(Array.from({ length: 400 }, (_, i) => exchange(session, i)));
    await sendLargeBody(session);
    await resetStreams(session);
    assert.ok((await session.ping()) >= 0);
    assert.equal(session.streamCount, 0);
    await session.close();
    await done;
  });
}

async function exchange(session: YamuxSession, seed: number): Promise<void> {
  const stream = await session.open();
  const sent = new Uint8Array(((seed * 977) % 20_000) + 1).fill(seed);
  for (let at = 0; at < sent.length; at += 1234) await stream.write(sent.subarray(at, at + 1234));
  await stream.closeWrite();
  assert.deepEqual(Buffer.from(await readAll(stream)), Buffer.from(sent));
}

/** More than both windows hold, in both directions at once. */
async function sendLargeBody(session: YamuxSession): Promise<void> {
  const stream = await session.open();
  const sent = createHash('sha256');
  const got = createHash('sha256');
  const sending = (async () => {
    for (let at = 0; at < BODY_BYTES; at += BLOCK_BYTES) {
      const block = new Uint8Array(Math.min(BLOCK_BYTES, BODY_BYTES - at)).fill(at / BLOCK_BYTES);
      sent.update(block);
      await stream.write(block);
    }
    await stream.closeWrite();
  })();
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    got.update(bytes);
  }
  await sending;
  assert.equal(got.digest('hex'), sent.digest('hex'));
  // The body itself was never kept; half of it would show.
  assert.ok(process.memoryUsage().rss < 300 * 1024 * 1024);
}

async function resetStreams(session: YamuxSession): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const stream = await session.open();
    await stream.write(new Uint8Array(1000));
    stream.destroy();
  }
  await exchange(session, 7);
}
