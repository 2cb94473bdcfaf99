import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duplexPair } from '../../../test/support/duplex-pair.ts';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { YamuxSession } from '../yamux/index.ts';
import { BROKER_TIMEOUT_MS, MuxBroker } from './broker.ts';

function brokers(pieceBytes = Infinity): {
  clock: FakeClock;
  host: YamuxSession;
  a: MuxBroker;
  b: MuxBroker;
} {
  const clock = new FakeClock();
  const [x, y] = duplexPair({ pieceBytes: () => pieceBytes });
  const host = new YamuxSession(x, { role: 'client', clock });
  const plugin = new YamuxSession(y, { role: 'server', clock });
  return { clock, host, a: new MuxBroker(host, clock), b: new MuxBroker(plugin, clock) };
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

for (const order of ['accepted first', 'dialled first'] as const) {
  for (const pieceBytes of [1, Infinity]) {
    test(`a stream that is ${order} connects, in pieces of ${pieceBytes}`, async () => {
      const { a, b } = brokers(pieceBytes);
      const id = a.nextId();
      const accepting = order === 'accepted first' ? a.accept(id) : undefined;
      const dialling = b.dial(id);
      if (accepting === undefined) await settle();
      const accepted = await (accepting ?? a.accept(id));
      // Sent together with the number's answer: it must not be lost behind it.
      await accepted.write(bytes(1, 2, 3));
      await accepted.closeWrite();
      const dialled = await dialling;
      const got: number[] = [];
      for (let b = await dialled.read(); b !== undefined; b = await dialled.read()) got.push(...b);
      assert.deepEqual(got, [1, 2, 3]);
    });
  }
}

test('both sides may use the same number at once', async () => {
  const { a, b } = brokers();
  assert.equal(a.nextId(), b.nextId());
  const [there, back, inA, inB] = await Promise.all([
    b.dial(1),
    a.dial(1),
    a.accept(1),
    b.accept(1),
  ]);
  await there.write(bytes(7));
  await back.write(bytes(8));
  assert.deepEqual([...((await inA.read()) ?? [])], [7]);
  assert.deepEqual([...((await inB.read()) ?? [])], [8]);
});

test('accept gives up in time when nobody dials, and the number is free again', async () => {
  const { clock, a, b } = brokers();
  const refused = assert.rejects(a.accept(5), { code: 'ERR_BROKER_TIMEOUT' });
  await clock.advance(BROKER_TIMEOUT_MS);
  await refused;
  await Promise.all([a.accept(5), b.dial(5)]);
});

test('dial gives up in time when nobody accepts, and leaves nothing behind', async () => {
  const { clock, host, b } = brokers();
  const refused = assert.rejects(b.dial(5), (error: Error & { code: string }) =>
    ['ERR_BROKER_TIMEOUT', 'ERR_BROKER_DIAL'].includes(error.code),
  );
  await settle();
  await clock.advance(BROKER_TIMEOUT_MS);
  await refused;
  await settle();
  assert.equal(host.streamCount, 0);
});

test('a stream that never says its number is dropped in time', async () => {
  const { clock, host } = brokers();
  const stream = await host.open();
  await stream.write(bytes(1, 0));
  await settle();
  const dropped = assert.rejects(stream.read(), { code: 'ERR_YAMUX_STREAM_RESET' });
  await clock.advance(BROKER_TIMEOUT_MS);
  await dropped;
});

test('accept ends when the session does', async () => {
  const { host, b } = brokers();
  const ended = assert.rejects(b.accept(1), { code: 'ERR_BROKER_CLOSED' });
  await host.close();
  await ended;
  await assert.rejects(b.accept(2), { code: 'ERR_BROKER_CLOSED' });
  await assert.rejects(b.dial(2));
});

test('one number cannot be awaited twice at once', async () => {
  const { a, b } = brokers();
  const first = a.accept(1);
  await assert.rejects(a.accept(1), { code: 'ERR_BROKER_BUSY' });
  await Promise.all([first, b.dial(1)]);
});
