import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { FakeHost } from '../../../test/support/fake-host.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { HeadRequests } from './head-requests.ts';
import type { HeadAnswer, HeadRequest } from './head-requests.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const JOB = 'j'.repeat(26);

/** Two instances over one key-value store; events are delivered at once, unless the test says no. */
function setUp() {
  const clock = new FakeClock();
  const host = new FakeHost({}, {});
  host.nowMs = () => clock.nowMs();
  const { kv, values } = host;
  const world = {
    clock,
    values,
    hasEvents: true,
    handled: [] as HeadRequest[],
    writeHead: async (_: HeadRequest, __: AbortSignal): Promise<string | undefined> => ULID,
    scraper: 'b',
    deleteFailure: undefined as Error | undefined,
  };
  let lastId = 0;
  const all = new Map<string, HeadRequests>();
  for (const name of ['a', 'b']) {
    const requests = new HeadRequests({
      kv: {
        get: (key) => kv.get(key),
        setFor: (key, value, seconds) => kv.setFor(key, value, seconds),
        delete: async (key) => {
          if (world.deleteFailure !== undefined) throw world.deleteFailure;
          await kv.delete(key);
        },
      },
      clock,
      logger: silentLogger,
      newId: () => `request${++lastId}`,
      isScraper: () => world.scraper === name,
      publish: async (event) => {
        if (!world.hasEvents) return;
        for (const [other, each] of all) if (other !== name) each.onEvent(event);
      },
      writeHead: (request, signal) => {
        world.handled.push(request);
        return world.writeHead(request, signal);
      },
    });
    all.set(name, requests);
    requests.start();
  }
  const [a, b] = [...all.values()];
  /** Asks at the instance that does not scrape; the outcome, and how long it took in seconds. */
  const ask = async (): Promise<{ outcome: HeadAnswer | string; seconds: number }> => {
    const startMs = clock.nowMs();
    let outcome: HeadAnswer | string | undefined;
    void a.ask(JOB, 1, 2).then(
      (answer) => (outcome = answer),
      (error: unknown) => (outcome = error instanceof CodedError ? error.code : String(error)),
    );
    await clock.advance(1);
    while (outcome === undefined) await clock.advance(500);
    return { outcome, seconds: (clock.nowMs() - startMs) / 1000 };
  };
  return { world, clock, a, b, ask };
}

suite('the newest samples for a dump', () => {
  test('come at once by an event', async () => {
    const { world, ask } = setUp();
    const { outcome, seconds } = await ask();
    assert.deepEqual(outcome, { ulid: ULID });
    assert.ok(seconds < 1, `${seconds} s`);
    assert.deepEqual(world.handled, [{ id: 'request1', jobId: JOB, minTimeMs: 1, maxTimeMs: 2 }]);
    assert.equal(world.values.has('head_request'), false, 'the request is taken back');
  });

  test('come by the rows alone where no events are passed', async () => {
    const { world, ask } = setUp();
    world.hasEvents = false;
    const { outcome, seconds } = await ask();
    assert.deepEqual(outcome, { ulid: ULID });
    assert.ok(seconds < 10, `${seconds} s`);
    assert.equal(world.handled.length, 1);
  });

  test('may be none', async () => {
    const { world, ask } = setUp();
    world.writeHead = async () => undefined;
    assert.deepEqual((await ask()).outcome, { ulid: undefined });
  });

  test('are not waited for longer than 30 s', async () => {
    const { world, ask } = setUp();
    world.scraper = 'nobody';
    const { outcome, seconds } = await ask();
    assert.equal(outcome, 'ERR_HEAD_UNANSWERED');
    assert.ok(seconds >= 30 && seconds < 32, `${seconds} s`);
  });

  test('come although the request cannot be taken back', async () => {
    const { world, ask } = setUp();
    world.deleteFailure = new Error('the database is gone');
    assert.deepEqual((await ask()).outcome, { ulid: ULID });
  });

  test('are not brought by an instance that scrapes only later', async () => {
    const { world, clock, ask } = setUp();
    world.scraper = 'nobody';
    await ask();
    world.scraper = 'b';
    for (let i = 0; i < 60; i++) await clock.advance(1_000);
    assert.deepEqual(world.handled, []);
  });

  test('cannot be had for a reason that the other gives', async () => {
    const { world, ask } = setUp();
    world.writeHead = async () => {
      throw new CodedError('ERR_FILESTORE_FULL', 'the file store is full');
    };
    assert.equal((await ask()).outcome, 'ERR_HEAD_FAILED');
  });

  test('that take too long are broken off before nobody waits any more', async () => {
    const { world, ask } = setUp();
    let isAborted = false;
    world.writeHead = (_, signal) =>
      new Promise((__, reject) => {
        signal.addEventListener('abort', () => {
          isAborted = true;
          reject(signal.reason);
        });
      });
    const { outcome, seconds } = await ask();
    assert.equal(outcome, 'ERR_HEAD_FAILED');
    assert.ok(isAborted && seconds < 30, `${seconds} s`);
  });

  for (const row of [
    '',
    '{',
    '[]',
    '{"id":"x"}',
    '{"id":"x","job_id":"../..","min_t":1,"max_t":2}',
  ]) {
    test(`are not asked for by a row that says ${JSON.stringify(row)}`, async () => {
      const { world, clock } = setUp();
      world.values.set('head_request', row);
      for (let i = 0; i < 20; i++) await clock.advance(1_000);
      assert.deepEqual(world.handled, []);
    });
  }
});
