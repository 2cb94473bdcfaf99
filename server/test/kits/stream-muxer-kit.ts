import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { YamuxSession, YamuxStream } from '../../src/protocol/yamux/index.ts';

/** How much the kit moves: less where a connection is slow on purpose. */
export interface MuxerKitOptions {
  readonly streamCount: number;
  readonly messageCount: number;
  readonly bodyBytes: number;
}

export interface SessionPair {
  readonly client: YamuxSession;
  readonly server: YamuxSession;
}

/** What streams over any connection must do, in both directions. */
export function streamMuxerKit(
  title: string,
  connect: () => Promise<SessionPair>,
  options: MuxerKitOptions,
): void {
  for (const opener of ['client', 'server'] as const) {
    const name = `${title}, streams opened by the ${opener}`;
    const pair = async (): Promise<[YamuxSession, YamuxSession]> => {
      const { client, server } = await connect();
      return opener === 'client' ? [client, server] : [server, client];
    };
    test(`${name}: many streams with many messages`, async () => {
      const [a, b] = await pair();
      const echoing = echoAll(b);
      const streams = Array.from({ length: options.streamCount }, async (_, i) => {
        await exchangeMessages(await a.open(), i, options.messageCount);
      });
      await Promise.all(streams);
      await endBoth(a, b, echoing);
    });

    test(`${name}: a large body there and back`, async () => {
      const [a, b] = await pair();
      const echoing = echoAll(b);
      await exchangeBody(await a.open(), options.bodyBytes);
      await endBoth(a, b, echoing);
    });

    test(`${name}: a reader that stops holds back its writer, and nobody else`, async () => {
      const [a, b] = await pair();
      const stuck = await a.open();
      let takenBytes = 0;
      const writing = (async () => {
        for (;;) {
          await stuck.write(new Uint8Array(10_000));
          takenBytes += 10_000;
        }
      })();
      const ended = assert.rejects(writing, { code: 'ERR_YAMUX_STREAM_RESET' });
      const unread = await b.accept();
      assert.ok(unread);
      const echoing = echoAll(b);
      await exchangeBody(await a.open(), options.bodyBytes);
      assert.ok(
        takenBytes <= 256 * 1024,
        `${takenBytes} bytes went to a reader that does not read`,
      );
      unread.destroy();
      await ended;
      await endBoth(a, b, echoing);
    });

    test(`${name}: a half that has ended leaves the other half open`, async () => {
      const [a, b] = await pair();
      const stream = await a.open();
      await stream.closeWrite();
      const accepted = await b.accept();
      assert.ok(accepted);
      assert.equal(await accepted.read(), undefined);
      await accepted.write(pattern(50_000, 3));
      await accepted.close();
      assert.deepEqual(await readAll(stream), pattern(50_000, 3));
      await endBoth(a, b, Promise.resolve());
    });
  }
}

async function echoAll(session: YamuxSession): Promise<void> {
  const echoes: Promise<void>[] = [];
  for (let s = await session.accept(); s !== undefined; s = await session.accept()) {
    echoes.push(echo(s));
  }
  await Promise.all(echoes);
}

async function echo(stream: YamuxStream): Promise<void> {
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    await stream.write(bytes);
  }
  await stream.close();
}

/** Bytes that differ at each place and between streams. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + seed * 7) & 0xff);
}

async function readAll(stream: YamuxStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    chunks.push(bytes);
  }
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

async function exchangeMessages(stream: YamuxStream, seed: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const sent = pattern(1 + ((seed * 13 + i * 7) % 300), seed + i);
    await stream.write(sent);
    for (let at = 0; at < sent.length;) {
      const got = await stream.read();
      assert.ok(got, 'the stream ended early');
      assert.deepEqual(Buffer.from(got), Buffer.from(sent.subarray(at, at + got.length)));
      at += got.length;
    }
  }
  await stream.closeWrite();
  assert.equal(await stream.read(), undefined);
}

async function exchangeBody(stream: YamuxStream, sizeBytes: number): Promise<void> {
  const block = pattern(65_521, 1);
  const sending = (async () => {
    for (let at = 0; at < sizeBytes; at += block.length) {
      await stream.write(block.subarray(0, Math.min(block.length, sizeBytes - at)));
    }
    await stream.closeWrite();
  })();
  let at = 0;
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    for (const byte of bytes) {
      if (byte !== block[at % block.length]) assert.fail(`byte ${at} came back changed`);
      at++;
    }
  }
  assert.equal(at, sizeBytes);
  await sending;
}

/** Ends both sessions and checks that nothing is left over. */
async function endBoth(a: YamuxSession, b: YamuxSession, echoing: Promise<void>): Promise<void> {
  // The last FINs may still be on their way.
  await a.ping();
  await b.ping();
  assert.deepEqual([a.streamCount, b.streamCount], [0, 0]);
  await a.close();
  assert.equal((await b.closed)?.code, 'ERR_YAMUX_SESSION_LOST');
  await echoing;
}
