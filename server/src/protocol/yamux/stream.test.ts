import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RawPeer, accept, control, data, syn, text } from '../../../test/support/yamux-raw-peer.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import {
  FLAG_ACK,
  FLAG_FIN,
  FLAG_RST,
  FLAG_SYN,
  INITIAL_WINDOW_BYTES,
  TYPE_DATA,
  TYPE_WINDOW_UPDATE,
} from './frame.ts';

async function readAll(stream: Duplex): Promise<string> {
  let all = '';
  for (let b = await stream.read(); b !== undefined; b = await stream.read()) all += text(b);
  return all;
}

test('frames for unknown and reset streams are skipped, payload and all', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer, 1);
  await peer.send(data(7, 'nobody'), control(9, 0, 50), control(9, FLAG_FIN), control(9, FLAG_RST));
  stream.destroy();
  await peer.send(data(1, 'late'), control(1, 0, 100), control(1, FLAG_FIN));
  const other = await accept(peer, 3);
  await peer.send(data(3, 'still here'));
  assert.equal(text(await other.read()), 'still here');
  await assert.rejects(stream.read(), { code: 'ERR_YAMUX_STREAM_RESET' });
});

test('data behind a FIN is dropped without harm', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  await peer.send(data(1, 'all'), control(1, FLAG_FIN), data(1, 'late'));
  assert.equal(await readAll(stream), 'all');
});

test('a FIN with payload ends the half behind the payload', async () => {
  const peer = new RawPeer();
  const reading = accept(peer).then(readAll);
  await peer.send(data(1, 'last words', FLAG_FIN));
  assert.equal(await reading, 'last words');
});

test('SYN, payload and FIN may come in one frame', async () => {
  const peer = new RawPeer();
  await peer.send(data(1, 'at once', FLAG_SYN | FLAG_FIN));
  const stream = await peer.session.accept();
  assert.ok(stream);
  assert.equal(await readAll(stream), 'at once');
});

test('a FIN goes out alone, behind the data', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  const writing = stream.write(new TextEncoder().encode('bye'));
  await Promise.all([writing, stream.closeWrite(), stream.closeWrite()]);
  const frames = await peer.take();
  assert.deepEqual(
    frames.map(({ type, flags, length }) => [type, flags, length]),
    [
      [TYPE_DATA, 0, 3],
      [TYPE_WINDOW_UPDATE, FLAG_FIN, 0],
    ],
  );
  await assert.rejects(stream.write(new Uint8Array(1)), { code: 'ERR_YAMUX_STREAM_CLOSED' });
});

test('a stream is forgotten when both halves have ended', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  await stream.closeWrite();
  assert.equal(peer.session.streamCount, 1);
  await peer.send(control(1, FLAG_FIN));
  assert.equal(peer.session.streamCount, 0);
  assert.equal(await stream.read(), undefined);
  stream.destroy();
  assert.deepEqual(
    (await peer.take()).map(({ flags }) => flags),
    [FLAG_FIN],
  );
});

test('a reset rejects reads and writes that wait, and drops what was not read', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  const write = assert.rejects(stream.write(new Uint8Array(INITIAL_WINDOW_BYTES + 1)), {
    code: 'ERR_YAMUX_STREAM_RESET',
  });
  await peer.send(data(1, 'unread'), control(1, FLAG_RST));
  await write;
  await assert.rejects(stream.read(), { code: 'ERR_YAMUX_STREAM_RESET' });
  assert.equal(peer.session.streamCount, 0);
});

test('a writer stops at the window and goes on by each update', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  let isDone = false;
  const writing = stream
    .write(new Uint8Array(INITIAL_WINDOW_BYTES * 3))
    .then(() => (isDone = true));
  const sum = async (): Promise<number> =>
    (await peer.take()).reduce((total, { length }) => total + length, 0);
  assert.equal(await sum(), INITIAL_WINDOW_BYTES);
  await peer.send(control(1, 0, 10));
  assert.equal(await sum(), 10);
  await peer.send(control(1, 0, 5_000_000));
  assert.equal(await sum(), INITIAL_WINDOW_BYTES * 2 - 10);
  await writing;
  assert.ok(isDone);
});

test('the window opens by reading only', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  await peer.send(data(1, 'x'.repeat(INITIAL_WINDOW_BYTES)));
  assert.deepEqual(await peer.take(), []);
  for (let readBytes = 0; readBytes < INITIAL_WINDOW_BYTES;) {
    readBytes += (await stream.read())?.length ?? 0;
  }
  const updates = await peer.take();
  assert.ok(updates.every(({ type, streamId }) => type === TYPE_WINDOW_UPDATE && streamId === 1));
  assert.equal(
    updates.reduce((total, { length }) => total + length, 0),
    INITIAL_WINDOW_BYTES,
  );
});

test('a larger window is announced with the first frame, and no one is allowed more', async () => {
  const windowBytes = INITIAL_WINDOW_BYTES * 4;
  const peer = new RawPeer({ windowBytes });
  await peer.send(syn(1));
  await peer.session.accept();
  const [ack] = await peer.take();
  assert.deepEqual([ack.flags, ack.length], [FLAG_ACK, windowBytes - INITIAL_WINDOW_BYTES]);
  await peer.send({ type: TYPE_DATA, id: 1, length: windowBytes + 1 });
  assert.equal((await peer.session.closed)?.code, 'ERR_YAMUX_WINDOW_EXCEEDED');
});

test('streams take turns: a small message does not wait for a large one', async () => {
  const peer = new RawPeer();
  const large = await accept(peer, 1);
  const small = await accept(peer, 3);
  const writes = [large.write(new Uint8Array(200_000)), small.write(new Uint8Array(1))];
  await Promise.all(writes);
  const order = (await peer.take()).map(({ streamId }) => streamId);
  assert.equal(order.indexOf(3), 1);
});

test('after close the stream still ends politely, and late data does not fill memory', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  const reading = stream.read();
  await stream.close();
  await assert.rejects(reading, { code: 'ERR_YAMUX_STREAM_CLOSED' });
  await peer.take();
  await peer.send(data(1, 'x'.repeat(200_000)), data(1, 'x'.repeat(200_000)));
  assert.equal((await peer.take()).length, 2, 'the window goes on being opened');
  await peer.send(control(1, FLAG_FIN));
  assert.equal(peer.session.streamCount, 0);
});

test('a closed stream is reset when the other side does not end its half in time', async () => {
  const peer = new RawPeer();
  const stream = await accept(peer);
  await stream.close();
  await peer.take();
  await peer.clock.advance(299_000);
  assert.deepEqual(await peer.take(), []);
  await peer.clock.advance(2_000);
  assert.deepEqual(
    (await peer.take()).map(({ flags }) => flags),
    [FLAG_RST],
  );
  assert.equal(peer.session.streamCount, 0);
});

test('a stream that nobody accepts is reset in time, and the session goes on', async () => {
  const peer = new RawPeer();
  const stream = await peer.session.open();
  await peer.take();
  await peer.clock.advance(76_000);
  assert.deepEqual(
    (await peer.take()).map(({ flags }) => flags),
    [FLAG_RST],
  );
  await assert.rejects(stream.read(), { code: 'ERR_YAMUX_STREAM_RESET' });
  await accept(peer);
});

test('an accepted stream has no time-out', async () => {
  const peer = new RawPeer();
  const stream = await peer.session.open();
  await peer.send(control(stream.id, FLAG_ACK));
  await peer.clock.advance(100_000);
  assert.equal(peer.session.streamCount, 1);
});
