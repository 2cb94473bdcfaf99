import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { LastKnown } from './last-known.ts';
import { Watchdog } from './watchdog.ts';
import type { Silence, WatchedPart } from './watchdog.ts';

function setUp(limitMs = 30_000) {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock, silentLogger);
  const seen: { silence: Silence | undefined } = { silence: undefined };
  const limit = { ms: limitMs };
  const part: WatchedPart = {
    name: 'the part',
    limitMs: () => limit.ms,
    report: (silence) => (seen.silence = silence),
  };
  watchdog.start();
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) await clock.advance(1_000);
  };
  return { clock, watchdog, part, pass, seen, limit };
}

const never = (): Promise<void> => new Promise(() => {});

suite('the watchdog', () => {
  test('names work that never ends soon after its limit, with when it began', async () => {
    const { clock, watchdog, part, pass, seen } = setUp();
    const startMs = clock.nowMs();
    void watchdog.follow(part, 'a file', never);
    await pass(25);
    assert.equal(seen.silence, undefined);
    await pass(15);
    assert.deepEqual(seen.silence, { sinceMs: startMs, key: 'a file' });
    assert.equal(watchdog.slowest(30_000), 'the part');
    await watchdog.stop();
  });

  for (const outcome of ['answer', 'failure']) {
    test(`has nothing to say once there is an ${outcome}`, async () => {
      const { watchdog, part, pass, seen } = setUp();
      let settle = (): void => {};
      const work = watchdog.follow(part, '', () => {
        return new Promise<void>((resolve, reject) => {
          settle = outcome === 'answer' ? resolve : () => reject(new Error(outcome));
        });
      });
      work.catch(() => undefined);
      await pass(40);
      assert.ok(seen.silence !== undefined);
      settle();
      await pass(6);
      assert.equal(seen.silence, undefined);
      assert.equal(watchdog.slowest(0), undefined);
    });
  }

  test('leaves work alone that moves, and work that waits for somebody else', async () => {
    const { watchdog, part, pass, seen } = setUp();
    const moving = watchdog.begin(part, 'moving');
    watchdog.begin(part, 'resting').rest();
    for (let i = 0; i < 10; i++) {
      await pass(20);
      moving.move();
      assert.equal(seen.silence, undefined);
    }
    await pass(40);
    assert.equal(seen.silence?.key, 'moving');
  });

  test('forgets work when later work of the same kind was answered', async () => {
    const { watchdog, part, pass, seen } = setUp();
    watchdog.begin(part, 'get');
    await pass(40);
    assert.ok(seen.silence !== undefined);
    watchdog.begin(part, 'set').end();
    watchdog.begin(part, 'get').end(false);
    await pass(6);
    assert.ok(seen.silence !== undefined, 'neither another kind nor a failure is an answer');
    watchdog.begin(part, 'get').end();
    await pass(6);
    assert.equal(seen.silence, undefined);
  });

  test('finds nobody guilty after a pause of the whole process, and counts on from there', async () => {
    const { clock, watchdog, part, pass, seen } = setUp();
    watchdog.begin(part);
    await pass(5);
    await clock.advance(3_600_000);
    assert.equal(seen.silence, undefined);
    await pass(40);
    assert.ok(seen.silence !== undefined);
  });

  test('does not mind a time of day that is set', async () => {
    const { clock, watchdog, part, pass, seen } = setUp();
    watchdog.begin(part);
    clock.jump(86_400_000);
    await pass(20);
    assert.equal(seen.silence, undefined);
    clock.jump(-172_800_000);
    await pass(20);
    assert.ok(seen.silence !== undefined);
  });

  test('counts anew when the limit changes', async () => {
    const { watchdog, part, pass, seen, limit } = setUp(300_000);
    watchdog.begin(part);
    await pass(200);
    limit.ms = 10_000;
    await pass(8);
    assert.equal(seen.silence, undefined);
    await pass(12);
    assert.ok(seen.silence !== undefined);
  });
});

suite('what was last known', () => {
  test('serves when no answer comes in time, with its age, and nobody is asked in vain', async () => {
    const clock = new FakeClock();
    let loads = 0;
    let load: () => Promise<number> = async () => 1;
    const known = new LastKnown(clock, () => {
      loads++;
      return load();
    });
    const startMs = clock.nowMs();
    assert.deepEqual(await known.get(2_000), { value: 1, asOfMs: startMs, isOld: false });
    let answer = (_: number): void => {};
    load = () => new Promise<number>((resolve) => (answer = resolve));
    for (let i = 0; i < 50; i++) {
      const asked = known.get(2_000);
      await clock.advance(2_000);
      assert.deepEqual(await asked, { value: 1, asOfMs: startMs, isOld: true });
    }
    assert.equal(loads, 2);
    answer(7);
    load = async () => 8;
    await clock.advance(1);
    assert.equal((await known.get(2_000)).value, 8);
  });

  test('many who ask at once, each a little later, do not ask without end', async () => {
    const clock = new FakeClock();
    let loads = 0;
    const known = new LastKnown(clock, () => {
      loads++;
      return new Promise<number>(() => {});
    });
    for (let i = 0; i < 500; i++) {
      known.get(2_000).catch(() => undefined);
      await clock.advance(100);
    }
    assert.ok(loads <= 20, `${loads} loads`);
  });

  test('says so when nothing is known, passes failures on, and forgets', async () => {
    const clock = new FakeClock();
    let load: () => Promise<number> = () => new Promise(() => {});
    const known = new LastKnown(clock, () => load());
    const asked = known.get(2_000);
    const refused = assert.rejects(asked, { code: 'ERR_NO_ANSWER' });
    await clock.advance(2_000);
    await refused;
    known.forget();
    load = () => Promise.reject(new Error('no'));
    await assert.rejects(known.get(2_000), { message: 'no' });
    load = async () => 3;
    assert.equal((await known.get(2_000)).value, 3);
  });
});
