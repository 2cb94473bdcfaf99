import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duplexPair } from '../../../test/support/duplex-pair.ts';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import type { RawFrame } from '../../../test/support/yamux-raw-peer.ts';
import {
  RawPeer,
  accept,
  control,
  data,
  encodeFrame,
  syn,
  text,
} from '../../../test/support/yamux-raw-peer.ts';
import {
  FLAG_ACK,
  FLAG_FIN,
  FLAG_RST,
  FLAG_SYN,
  GO_AWAY_INTERNAL_ERROR,
  GO_AWAY_NORMAL,
  GO_AWAY_PROTOCOL_ERROR,
  INITIAL_WINDOW_BYTES,
  TYPE_DATA,
  TYPE_GO_AWAY,
  TYPE_PING,
  TYPE_WINDOW_UPDATE,
} from './frame.ts';
import type { YamuxStream } from './index.ts';
import { YamuxSession } from './index.ts';

const violations: ReadonlyArray<readonly [string, string, readonly RawFrame[]]> = [
  ['an unknown frame type', 'ERR_YAMUX_FRAME_TYPE', [{ type: 4 }]],
  ['a stream frame with the id 0', 'ERR_YAMUX_STREAM_ID', [data(0, 'x')]],
  ['a SYN with an id of our side', 'ERR_YAMUX_STREAM_ID', [syn(2)]],
  ['a second SYN for an open stream', 'ERR_YAMUX_DUPLICATE_STREAM', [syn(1), syn(1)]],
  [
    'a second FIN',
    'ERR_YAMUX_UNEXPECTED_FLAG',
    [syn(1), control(1, FLAG_FIN), control(1, FLAG_FIN)],
  ],
  ['a window beyond 32 bits', 'ERR_YAMUX_WINDOW_OVERFLOW', [syn(1), control(1, 0, 0xffffffff)]],
  [
    'a data frame larger than the window, before its payload comes',
    'ERR_YAMUX_WINDOW_EXCEEDED',
    [syn(1), { type: TYPE_DATA, id: 1, length: INITIAL_WINDOW_BYTES + 1 }],
  ],
  [
    'data frames that add up to more than the window',
    'ERR_YAMUX_WINDOW_EXCEEDED',
    [syn(1), data(1, 'x'), { type: TYPE_DATA, id: 1, length: INITIAL_WINDOW_BYTES }],
  ],
  [
    'a huge data frame for an unknown stream',
    'ERR_YAMUX_WINDOW_EXCEEDED',
    [{ type: TYPE_DATA, id: 9, length: 0xffffffff }],
  ],
];

for (const [title, code, frames] of violations) {
  test(`${title} ends the session with a protocol error`, async () => {
    const peer = new RawPeer();
    await peer.send(...frames);
    assert.equal((await peer.session.closed)?.code, code);
    const goodbye = (await peer.take()).at(-1);
    assert.deepEqual([goodbye?.type, goodbye?.length], [TYPE_GO_AWAY, GO_AWAY_PROTOCOL_ERROR]);
    await assert.rejects(peer.session.open(), { code: 'ERR_YAMUX_SESSION_CLOSED' });
    assert.equal(await peer.session.accept(), undefined);
  });
}

test('an unknown version ends the session', async () => {
  const peer = new RawPeer();
  await peer.connection.write(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
  assert.equal((await peer.session.closed)?.code, 'ERR_YAMUX_VERSION');
});

test('a stream that was reset before it was accepted is not accepted', async () => {
  const peer = new RawPeer();
  await peer.send(syn(1), control(1, FLAG_RST), syn(3));
  assert.equal((await peer.session.accept())?.id, 3);
});

test('streams beyond the backlog are reset, and accepting makes room', async () => {
  const peer = new RawPeer({ acceptBacklog: 2 });
  await peer.send(syn(1), syn(3), syn(5));
  assert.deepEqual(
    (await peer.take()).map(({ streamId, flags }) => [streamId, flags]),
    [[5, FLAG_RST]],
  );
  assert.equal((await peer.session.accept())?.id, 1);
  await peer.send(syn(7));
  assert.deepEqual(
    (await peer.take()).map(({ streamId, flags }) => [streamId, flags]),
    [[1, FLAG_ACK]],
  );
});

test('streams beyond the limit are reset, and ended ones make room', async () => {
  const peer = new RawPeer({ inboundStreamsMax: 1 });
  const stream = await accept(peer, 1);
  await peer.send(syn(3));
  assert.deepEqual((await peer.take()).at(-1)?.flags, FLAG_RST);
  stream.destroy();
  assert.equal((await accept(peer, 5)).id, 5);
});

test('open waits while too many streams are not accepted yet', async () => {
  const peer = new RawPeer({ acceptBacklog: 2 });
  const first = await peer.session.open();
  await peer.session.open();
  let third: YamuxStream | undefined;
  const opening = peer.session.open().then((stream) => (third = stream));
  await peer.take();
  assert.equal(third, undefined);
  await peer.send(control(first.id, FLAG_ACK));
  assert.equal((await opening).id, 6);
});

test('a peer that goes away is opened no more streams; open ones go on', async () => {
  const peer = new RawPeer({ acceptBacklog: 1 });
  const stream = await peer.session.open();
  const waiting = assert.rejects(peer.session.open(), { code: 'ERR_YAMUX_GO_AWAY' });
  await peer.send({ type: TYPE_GO_AWAY, length: GO_AWAY_NORMAL });
  await waiting;
  await assert.rejects(peer.session.open(), { code: 'ERR_YAMUX_GO_AWAY' });
  await peer.send(data(stream.id, 'go on', FLAG_ACK));
  assert.equal(text(await stream.read()), 'go on');
});

for (const code of [GO_AWAY_PROTOCOL_ERROR, GO_AWAY_INTERNAL_ERROR, 99]) {
  test(`go-away with code ${code} ends the session`, async () => {
    const peer = new RawPeer();
    const stream = await accept(peer);
    await peer.send({ type: TYPE_GO_AWAY, length: code });
    assert.equal((await peer.session.closed)?.code, 'ERR_YAMUX_REMOTE_ERROR');
    await assert.rejects(stream.read(), { code: 'ERR_YAMUX_REMOTE_ERROR' });
  });
}

test('after our go-away new streams are reset', async () => {
  const peer = new RawPeer();
  peer.session.goAway();
  await peer.send(syn(1));
  assert.deepEqual(
    (await peer.take()).map(({ type, flags }) => [type, flags]),
    [
      [TYPE_GO_AWAY, 0],
      [TYPE_WINDOW_UPDATE, FLAG_RST],
    ],
  );
});

test('pings are answered with their value', async () => {
  const peer = new RawPeer();
  await peer.send({ type: TYPE_PING, flags: FLAG_SYN, length: 0xdeadbeef });
  const [answer] = await peer.take();
  assert.deepEqual([answer.type, answer.flags, answer.length], [TYPE_PING, FLAG_ACK, 0xdeadbeef]);
});

test('a ping measures the round trip; stray answers are ignored', async () => {
  const peer = new RawPeer();
  const ping = peer.session.ping();
  await peer.send({ type: TYPE_PING, flags: FLAG_ACK, length: 77 });
  await peer.clock.advance(40);
  const [question] = await peer.take();
  await peer.send({ type: TYPE_PING, flags: FLAG_ACK, length: question.length });
  assert.equal(await ping, 40);
});

test('a silent peer loses the session after interval and time-out', async () => {
  const peer = new RawPeer({ keepAliveIntervalMs: 30_000 });
  const stream = await accept(peer);
  const reading = assert.rejects(stream.read(), { code: 'ERR_YAMUX_KEEPALIVE' });
  await peer.clock.advance(30_000);
  await peer.clock.advance(9_000);
  assert.equal(peer.session.streamCount, 1);
  await peer.clock.advance(2_000);
  await peer.clock.advance(1_000);
  await reading;
  assert.equal((await peer.session.closed)?.code, 'ERR_YAMUX_KEEPALIVE');
});

test('an answer that waited while this process was held up still counts', async () => {
  const peer = new RawPeer();
  const ping = peer.session.ping();
  await peer.take();
  // All timers are late, and the answer comes right behind them.
  await peer.clock.advance(60_000);
  await peer.send({ type: TYPE_PING, flags: FLAG_ACK, length: 0 });
  assert.equal(await ping, 60_000);
});

test('an answered keep-alive goes on and on', async () => {
  const peer = new RawPeer({ keepAliveIntervalMs: 30_000 });
  for (let i = 0; i < 5; i++) {
    await peer.clock.advance(30_000);
    const [question] = await peer.take();
    await peer.send({ type: TYPE_PING, flags: FLAG_ACK, length: question.length });
  }
  await peer.session.close();
  assert.equal(peer.clock.sleeping, 0);
});

test('a lost connection leaves what has arrived to the reader, and then fails', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  const write = stream.write(new Uint8Array(INITIAL_WINDOW_BYTES + 1));
  await peer.send(data(1, 'arrived'));
  const ping = peer.session.ping();
  peer.connection.destroy();
  await assert.rejects(write, { code: 'ERR_YAMUX_SESSION_LOST' });
  await assert.rejects(ping, { code: 'ERR_YAMUX_SESSION_CLOSED' });
  assert.equal(text(await stream.read()), 'arrived');
  await assert.rejects(stream.read(), { code: 'ERR_YAMUX_SESSION_LOST' });
  assert.equal((await peer.session.closed)?.code, 'ERR_YAMUX_SESSION_LOST');
});

test('a connection that ends inside a frame says so', async () => {
  const peer = new RawPeer();
  await peer.connection.write(encodeFrame(syn(1)).subarray(0, 7));
  await peer.connection.closeWrite();
  const cause = (await peer.session.closed)?.cause;
  assert.ok(cause instanceof Error && 'code' in cause);
  assert.equal(cause.code, 'ERR_YAMUX_CUT_FRAME');
});

test('close sends what was written, says goodbye, and ends everything', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  await stream.write(new TextEncoder().encode('last'));
  const reading = stream.read();
  const accepting = peer.session.accept();
  await Promise.all([
    peer.session.close(),
    assert.rejects(reading, { code: 'ERR_YAMUX_SESSION_CLOSED' }),
  ]);
  assert.equal(await accepting, undefined);
  assert.equal(await peer.session.closed, undefined);
  const frames = await peer.take();
  assert.deepEqual(frames.map(({ type }) => type).sort(), [TYPE_DATA, TYPE_GO_AWAY]);
  assert.equal(peer.payload, 'last');
  assert.equal(peer.clock.sleeping, 0);
});

test('a peer that asks and never reads cannot fill our memory', async () => {
  const [a, b] = duplexPair({ capacityBytes: 32 * 1024 });
  const session = new YamuxSession(b, { role: 'server', clock: new FakeClock() });
  const ping = encodeFrame({ type: TYPE_PING, flags: FLAG_SYN, length: 1 });
  const pings = 100_000;
  let sent = 0;
  const asking = (async () => {
    for (; sent < pings; sent++) await a.write(ping);
  })();
  await settle();
  // What it could send fits in the connection and in the answers that may wait.
  assert.ok(sent * ping.length < 512 * 1024, `${sent} pings were taken`);
  for (let answered = 0; answered < pings * ping.length;) {
    answered += (await a.read())?.length ?? 0;
  }
  await asking;
  await session.close();
});
