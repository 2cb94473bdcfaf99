import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, it } from 'node:test';

import { settle } from '../../test/support/fake-clock.ts';
import { codeOf } from '../base/errors.ts';
import { Lookups, LOOKUPS_MAX } from './lookups.ts';

const FOUND: LookupAddress[] = [{ address: '192.0.2.1', family: 4 }];
const LONG_MS = 60_000;

/** A resolver that answers when it is told to. */
function resolver() {
  const asked: string[] = [];
  const answers = new Map<string, (error: Error | null) => void>();
  return {
    asked,
    lookupAll: (
      host: string,
      _options: object,
      callback: (error: Error | null, found: LookupAddress[]) => void,
    ): void => {
      asked.push(host);
      answers.set(host, (error) => callback(error, FOUND));
    },
    answer: (host: string, error: Error | null = null) => answers.get(host)?.(error),
  };
}

describe('look-ups', () => {
  it('are made once for all who ask at a time, and again for who asks later', async () => {
    const { asked, lookupAll, answer } = resolver();
    const lookups = new Lookups(lookupAll, LONG_MS);
    const both = [lookups.find('a', {}), lookups.find('a', {})];
    answer('a');
    assert.deepEqual(await Promise.all(both), [FOUND, FOUND]);
    assert.deepEqual(asked, ['a']);
    const other = [lookups.find('a', { family: 4 }), lookups.find('b', {})];
    answer('a');
    answer('b', new Error('unknown'));
    assert.deepEqual(await other[0], FOUND);
    await assert.rejects(other[1], /unknown/);
    assert.deepEqual(asked, ['a', 'a', 'b']);
  });

  it('are few at a time, in their order', async () => {
    const { asked, lookupAll, answer } = resolver();
    const lookups = new Lookups(lookupAll, LONG_MS);
    const names = Array.from({ length: LOOKUPS_MAX + 2 }, (_, i) => `host-${i}`);
    const all = names.map((name) => lookups.find(name, {}));
    assert.deepEqual(asked, names.slice(0, LOOKUPS_MAX));
    for (const name of names) answer(name);
    await Promise.all(all);
    assert.deepEqual(asked, names);
  });

  it('of hosts that are slow leave threads to the others', async () => {
    const { asked, lookupAll, answer } = resolver();
    const lookups = new Lookups(lookupAll, LONG_MS, 20);
    const dead = Array.from({ length: LOOKUPS_MAX + 2 }, (_, i) => `dead-${i}`);
    const fail = async (names: readonly string[], afterMs: number): Promise<void> => {
      const all = names.map((name) => lookups.find(name, {}).catch(() => undefined));
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      for (const name of names) answer(name, new Error('no answer'));
      await Promise.all(all);
    };
    // Asked one by one, each finds a thread and takes its time.
    for (const name of dead) await fail([name], 25);
    asked.length = 0;
    const again = dead.map((name) => lookups.find(name, {}).catch(() => undefined));
    assert.deepEqual(asked, dead.slice(0, LOOKUPS_MAX / 2));
    const well = lookups.find('well', {});
    answer('well');
    assert.deepEqual(await well, FOUND);
    for (const name of dead) answer(name);
    await Promise.all(again);
    assert.deepEqual(asked.toSorted(), [...dead, 'well']);
    // They were answered at once this time.
    asked.length = 0;
    const healed = dead.map((name) => lookups.find(name, {}));
    assert.equal(asked.length, LOOKUPS_MAX);
    for (const name of dead) answer(name);
    await Promise.all(healed);
  });

  it('are given up in time, and not begun when nobody waits for them', async () => {
    const { asked, lookupAll, answer } = resolver();
    const lookups = new Lookups(lookupAll, 50);
    const names = Array.from({ length: LOOKUPS_MAX + 10 }, (_, i) => `host-${i}`);
    const all = await Promise.allSettled(names.map((name) => lookups.find(name, {})));
    for (const result of all) {
      assert.equal(result.status, 'rejected');
      assert.equal(codeOf(result.reason), 'EAI_AGAIN');
    }
    assert.equal(asked.length, LOOKUPS_MAX);
    // Who asks for what hangs waits for the same answer; the others have left no trace.
    const again = lookups.find('host-0', {});
    for (const name of asked.slice()) answer(name);
    assert.deepEqual(await again, FOUND);
    assert.equal(asked.length, LOOKUPS_MAX);
  });

  it('are given up after 15 s', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let code: string | undefined;
    new Lookups(resolver().lookupAll).find('a', {}).catch((error) => (code = codeOf(error)));
    await Promise.resolve();
    t.mock.timers.tick(14_999);
    await settle();
    assert.equal(code, undefined);
    t.mock.timers.tick(1);
    await settle();
    assert.equal(code, 'EAI_AGAIN');
  });
});
