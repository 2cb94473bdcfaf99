// The lease alone, each promise of it by name; what happens to whole nodes is in simulation.test.ts.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { ScraperLease } from '../../src/services/cluster/lease.ts';
import { Random } from '../kits/random.ts';
import { DatabaseLink, SimDatabase } from './sim-database.ts';
import { NodeClock, SimTime } from './sim-time.ts';

const LOCK = 'mutex_us';
const HELD = Uint8Array.of(1);

function setUp() {
  const time = new SimTime(Date.UTC(2026, 0, 1));
  const world = new NodeClock(time);
  const database = new SimDatabase(time, new Random(1));
  const connect = (clock: NodeClock, link = new DatabaseLink()) =>
    database.connect(link, clock, world, () => Promise.resolve());
  const start = (instance: string, link?: DatabaseLink, isFit = true) => {
    const clock = new NodeClock(time);
    const kv = connect(clock, link);
    const states: string[] = [];
    const lease = new ScraperLease({
      kv,
      clock,
      logger: silentLogger,
      pluginId: 'us',
      instance,
      node: () => `node of ${instance}`,
      lockEnd: kv.lockEnd,
      isFit: async () => isFit,
      onChange: (state) => states.push(state),
    });
    lease.start();
    return { lease, clock, states };
  };
  const run = (seconds: number): Promise<void> => time.runUntil(time.nowMs + seconds * 1000);
  /** Lets time pass until the condition holds; how long that took, in seconds. */
  const secondsUntil = async (condition: () => boolean): Promise<number> => {
    const fromMs = time.nowMs;
    while (!condition() && time.nowMs - fromMs < 120_000) await run(0.1);
    return (time.nowMs - fromMs) / 1000;
  };
  const kill = (clock: NodeClock): void => {
    clock.isStopped = true;
    time.forget(clock);
  };
  return { time, world, connect, start, run, secondsUntil, kill };
}

suite('the lease', () => {
  test('has one holder, whom all know', async () => {
    const { start, run } = setUp();
    const leases = [start('a'), start('b'), start('c')];
    await run(60);
    const held = leases.filter(({ lease }) => lease.state === 'held');
    assert.equal(held.length, 1);
    assert.ok(held[0].lease.isValid);
    const owners = new Set(leases.map(({ lease }) => lease.owner?.node));
    assert.deepEqual([...owners], [held[0].lease.owner?.node]);
    assert.deepEqual(held[0].states, ['held'], 'it was never lost');
  });

  test('changes hands within 5 s after a stop', async () => {
    const { start, run, secondsUntil } = setUp();
    const a = start('a');
    await run(20);
    const b = start('b');
    await run(20);
    const stopped = a.lease.stop();
    const seconds = await secondsUntil(() => b.lease.isValid);
    await stopped;
    assert.ok(seconds <= 5, `${seconds} s`);
    assert.equal(a.lease.isValid, false);
    assert.equal(b.lease.owner?.term, 2);
  });

  test('changes hands within 30 s after a kill', async () => {
    const { start, run, secondsUntil, kill } = setUp();
    const a = start('a');
    await run(20);
    const b = start('b');
    await run(21);
    kill(a.clock);
    const seconds = await secondsUntil(() => b.lease.isValid);
    assert.ok(seconds <= 30, `${seconds} s`);
  });

  test('is let go of without a failure when the database does not answer', async () => {
    for (const call of ['stop', 'yield'] as const) {
      for (const trouble of ['cut', 'silent']) {
        const { start, run } = setUp();
        const link = new DatabaseLink();
        const { lease } = start('a', link);
        await run(20);
        assert.ok(lease.isValid);
        if (trouble === 'cut') link.isCut = true;
        else link.silence.begin();
        let outcome = '';
        void lease[call]().then(
          () => (outcome = 'resolved'),
          () => (outcome = 'rejected'),
        );
        await run(20);
        assert.deepEqual([outcome, lease.isValid], ['resolved', false], `${call}, ${trouble}`);
      }
    }
  });

  test('is not valid in a process that has slept, before any of its timers has run', async () => {
    const { start, run, time } = setUp();
    const a = start('a');
    await run(20);
    a.clock.isStopped = true;
    await run(13);
    assert.equal(a.lease.isValid, false);
    // A suspended machine: its monotonic clock stood still.
    const b = setUp();
    const c = b.start('c');
    await b.run(20);
    c.clock.isStopped = true;
    await b.run(13);
    c.clock.suspendedMs = 13_000;
    assert.equal(c.lease.isValid, false);
    assert.ok(time.nowMs > 0);
  });

  test('is given up when the database stays away, before the lock ends', async () => {
    const { start, run, secondsUntil } = setUp();
    const link = new DatabaseLink();
    const a = start('a', link);
    await run(20);
    const b = start('b');
    await run(20);
    link.isCut = true;
    const until = await secondsUntil(() => !a.lease.isValid);
    assert.ok(until <= 13, `${until} s`);
    const taken = await secondsUntil(() => b.lease.isValid);
    assert.ok(taken > 0, 'never both at once');
    link.isCut = false;
    await run(60);
    assert.deepEqual(a.states, ['held', 'lapsed', 'waiting']);
    assert.deepEqual(b.states, ['waiting', 'held']);
  });

  test('is taken up again, in the same term, when the database was away for all', async () => {
    const { start, run, secondsUntil } = setUp();
    const link = new DatabaseLink();
    const a = start('a', link);
    await run(20);
    const b = start('b', link);
    await run(20);
    link.isCut = true;
    await run(300);
    assert.equal(a.lease.state, 'lapsed');
    link.isCut = false;
    const seconds = await secondsUntil(() => a.lease.isValid || b.lease.isValid);
    assert.ok(seconds <= 5, `${seconds} s`);
    assert.deepEqual(a.states, ['held', 'lapsed', 'held']);
    assert.deepEqual([b.states, a.lease.owner?.term], [['waiting'], 1]);
  });

  test('is not renewed after a sleep in which a Go node took it', async () => {
    const { start, run, secondsUntil, connect, world } = setUp();
    const a = start('a');
    await run(20);
    a.clock.isStopped = true;
    await run(16);
    const go = connect(world);
    void go.createFor(LOCK, HELD, 15);
    await run(2);
    a.clock.isStopped = false;
    for (let i = 0; i < 8; i++) {
      void go.renewFor(LOCK, HELD, 15);
      await run(5);
      assert.equal(a.lease.isValid, false);
    }
    const seconds = await secondsUntil(() => a.lease.isValid);
    assert.ok(seconds <= 30, `${seconds} s`);
  });

  test('is not taken up again while a Go node has the lock', async () => {
    const { start, run, secondsUntil, connect, world } = setUp();
    const link = new DatabaseLink();
    const a = start('a', link);
    await run(20);
    link.isCut = true;
    await run(30);
    const go = connect(world);
    void go.createFor(LOCK, HELD, 15);
    await run(5);
    link.isCut = false;
    for (let i = 0; i < 8; i++) {
      void go.renewFor(LOCK, HELD, 15);
      await run(5);
      assert.equal(a.lease.isValid, false);
    }
    assert.deepEqual(a.states, ['held', 'lapsed', 'waiting']);
    const seconds = await secondsUntil(() => a.lease.isValid);
    assert.ok(seconds <= 30 && a.lease.owner?.term === 2, `${seconds} s`);
  });

  test('is refused while a Go node holds the lock, for as long as it lives, and taken after it', async () => {
    const { start, run, secondsUntil, connect, world } = setUp();
    const go = connect(world);
    assert.ok(await Promise.race([go.createFor(LOCK, HELD, 15), run(1).then(() => true)]));
    const a = start('a');
    for (let i = 0; i < 20; i++) {
      await run(7.5);
      void go.renewFor(LOCK, HELD, 15);
      assert.equal(a.lease.state, 'waiting');
    }
    const seconds = await secondsUntil(() => a.lease.isValid);
    assert.ok(seconds <= 30, `${seconds} s`);
  });

  test('is lost at the next refresh when another record is there, whose lock stays', async () => {
    const { start, run, secondsUntil, connect, world } = setUp();
    const a = start('a');
    await run(20);
    const other = connect(world);
    void other.set('scraper_owner', new TextEncoder().encode('{"instance":"x","term":9,"beat":1}'));
    const seconds = await secondsUntil(() => !a.lease.isValid);
    assert.ok(seconds <= 7.6, `${seconds} s`);
    let lock: unknown;
    void other.get(LOCK).then((value) => (lock = value));
    await run(1);
    assert.deepEqual(lock, HELD);
  });

  test('is taken over from an owner whose clock was an hour ahead', async () => {
    const { start, run, secondsUntil, kill } = setUp();
    const a = start('a');
    await run(20);
    const b = start('b');
    a.clock.aheadMs = 3_600_000;
    await run(40);
    const holder = a.lease.isValid ? a : b;
    const other = holder === a ? b : a;
    kill(holder.clock);
    const seconds = await secondsUntil(() => other.lease.isValid);
    assert.ok(seconds <= 30, `${seconds} s`);
  });

  test('is not stolen by an instance whose clock is an hour ahead', async () => {
    const { start, run } = setUp();
    const a = start('a');
    await run(20);
    const b = start('b');
    b.clock.aheadMs = 3_600_000;
    await run(120);
    assert.deepEqual(a.states, ['held']);
    assert.equal(b.lease.state, 'waiting');
  });

  test('is claimed and kept over a replica that is 40 s behind', async () => {
    const { start, run, secondsUntil, kill } = setUp();
    const a = start('a');
    await run(60);
    const link = new DatabaseLink();
    link.lagMs = 40_000;
    const b = start('b', link);
    await run(60);
    kill(a.clock);
    await secondsUntil(() => b.lease.isValid);
    await run(60);
    assert.deepEqual(b.states, ['waiting', 'held']);
  });

  test('is left to an instance that is fit, and taken when there is none', async () => {
    const { start, run, secondsUntil } = setUp();
    const unfit = start('a', undefined, false);
    await run(20);
    const fit = start('b');
    await run(20);
    assert.equal(unfit.lease.state, 'waiting');
    assert.equal(fit.lease.state, 'held');
    const stopped = fit.lease.stop();
    const seconds = await secondsUntil(() => unfit.lease.isValid);
    await stopped;
    assert.ok(seconds > 30 && seconds < 70, `${seconds} s`);
  });

  test('survives a record that is none', async () => {
    const { start, run, connect, world } = setUp();
    void connect(world).set('scraper_owner', new TextEncoder().encode('{"instance":7'));
    await run(1);
    const a = start('a');
    await run(30);
    assert.deepEqual(a.states, ['held']);
    assert.equal(a.lease.owner?.term, 1);
  });
});
