import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { hasCode } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import { HOST_CALL_LIMIT_MS, timedHost } from './timed-host.ts';
import { hostPart } from './watches.ts';

function setUp() {
  const clock = new FakeClock();
  const server = new FakeHost({}, {});
  const board = new WarningBoard(silentLogger);
  const watchdog = new Watchdog(clock, silentLogger);
  watchdog.start();
  const host = timedHost(server, clock, watchdog, hostPart(board, HOST_CALL_LIMIT_MS));
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) await clock.advance(1_000);
  };
  return { clock, server, board, host, pass };
}

const never = <T>(): Promise<T> => new Promise<T>(() => {});

suite('a server that hangs', () => {
  test('fails each kind of call after 10 s, is named, and forgiven when it answers', async () => {
    const { clock, server, board, host, pass } = setUp();
    const { kv } = server;
    const answers = { ...kv };
    for (const name of Object.keys(kv) as (keyof typeof kv)[]) Object.assign(kv, { [name]: never });
    Object.assign(server, { query: never, publish: never, isAdministrator: never });
    const bytes = new Uint8Array(1);
    const calls = [
      host.kv.get('k'),
      host.kv.set('k', bytes),
      host.kv.setFor('k', bytes, 1),
      host.kv.compareAndSet('k', undefined, bytes),
      host.kv.createFor('k', bytes, 1),
      host.kv.renewFor('k', bytes, 1),
      host.kv.delete('k'),
      host.kv.keys(''),
      host.query('', []),
      host.publish({ id: '', data: bytes }),
      host.isAdministrator('admin'),
    ];
    const outcomes = Promise.allSettled(calls);
    await pass(11);
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected');
      assert.ok(hasCode(outcome.reason, 'ERR_HOST_SILENT'));
    }
    await pass(5);
    const named = board.list();
    assert.deepEqual(
      named.map(({ code }) => code),
      ['host_silent'],
    );
    assert.match(named[0].message, /2026-01-01 00:00 UTC/);
    // The calls of before never return; others of their kinds do.
    Object.assign(kv, answers);
    const asked = async () => {
      await host.kv.get('k');
      await host.kv.set('k', bytes);
      await host.kv.setFor('k', bytes, 1);
      await host.kv.compareAndSet('k', undefined, bytes);
      await host.kv.delete('k');
      await host.kv.keys('');
    };
    await asked();
    await pass(30);
    assert.equal(board.list().length, 1, 'queries still hang');
    Object.assign(server, { query: async () => ({ rows: [] }), publish: async () => {} });
    Object.assign(server, { isAdministrator: async () => true });
    await host.query('', []);
    await host.publish({ id: '', data: bytes });
    await host.isAdministrator('admin');
    await pass(30);
    assert.deepEqual(board.list(), []);
    assert.ok(clock.sleeping < 5, 'no timers are left behind');
  });

  test('is not asked without end', async () => {
    const { server, host, pass } = setUp();
    let calls = 0;
    server.kv.get = () => {
      calls++;
      return never();
    };
    for (let i = 0; i < 1_000; i++) {
      host.kv.get('k').catch(() => undefined);
      await pass(1);
    }
    assert.ok(calls <= 200, `${calls} calls`);
  });

  test('answers all users that ask at a time, and asks again for none that was late', async () => {
    const { server, host, pass } = setUp();
    const answers: ((isAdministrator: boolean) => void)[] = [];
    server.isAdministrator = () => new Promise((resolve) => answers.push(resolve));
    const asked = Array.from({ length: 1_000 }, () => host.isAdministrator('user'));
    for (let i = 0; i < asked.length; i++) {
      answers[i](true);
      assert.equal(await asked[i], true);
    }
    const late = Array.from({ length: 300 }, () => host.isAdministrator('user'));
    for (const each of late) each.catch(() => undefined);
    await pass(11);
    const isLate = (error: unknown): boolean => hasCode(error, 'ERR_HOST_SILENT');
    for (const each of late) await assert.rejects(each, isLate);
    const soFar = answers.length;
    for (const answer of answers) answer(true);
    server.isAdministrator = async () => false;
    assert.equal(await host.isAdministrator('user'), false);
    assert.equal(answers.length, soFar);
  });

  test('answers the plugin however many users ask at a time', async () => {
    const { server, host, pass } = setUp();
    let asked = 0;
    server.isAdministrator = () => {
      asked++;
      return never();
    };
    for (let i = 0; i < 1_000; i++) host.isAdministrator('user').catch(() => undefined);
    await host.kv.createFor('lock', new Uint8Array(1), 15);
    await host.query('', []);
    assert.ok(asked >= 50, `${asked} questions`);
    await pass(11);
    await host.kv.get('lock');
  });
});
