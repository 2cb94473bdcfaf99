import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { deactivate } from './stop.ts';
import type { Parts } from './stop.ts';

type Database = NonNullable<Parts['database']>;

/** Parts that note what is done to them; those named in `hanging` never end. */
function setUp(hanging: readonly string[], failing: readonly string[] = []) {
  const clock = new FakeClock();
  const log: string[] = [];
  const act = async (name: string): Promise<void> => {
    log.push(name);
    if (hanging.includes(name)) await new Promise(() => {});
    if (failing.includes(name)) throw new Error(name);
  };
  const database = {
    current: { db: { flush: () => act('flush') } },
    stopTrying: () => act('stopTrying'),
    close: () => act('close'),
  };
  let ended = false;
  const stopping = deactivate({
    clock,
    logger: silentLogger,
    jobs: { stop: () => act('jobs') },
    scraping: { stop: () => act('scraping') },
    cluster: { stop: () => act('cluster'), settle: () => act('settle') },
    upkeep: { stop: () => act('upkeep') },
    syncing: { stop: () => act('syncing'), upload: () => act('upload') },
    // Only these members are used; a whole database would need a disk.
    database: database as typeof database & Database,
  }).then(() => (ended = true));
  return { clock, log, stopping, hasEnded: () => ended };
}

const ORDER = ['stopTrying', 'flush', 'upload', 'settle', 'close'];

describe('a stop', () => {
  it('ends the scraper, then makes a block of the head, uploads it and closes', async () => {
    const { log, stopping } = setUp([]);
    await stopping;
    assert.deepEqual(log.slice(0, 5).sort(), ['cluster', 'jobs', 'scraping', 'syncing', 'upkeep']);
    assert.deepEqual(log.slice(5), ORDER);
  });

  it('goes on when a step fails', async () => {
    const { log, stopping } = setUp([], ['jobs', 'flush', 'upload']);
    await stopping;
    assert.deepEqual(log.slice(5), ORDER);
  });

  for (const step of ['jobs', 'scraping', 'stopTrying', 'flush', 'upload', 'close']) {
    it(`keeps to 8 seconds and closes the database when "${step}" hangs`, async () => {
      const { clock, log, hasEnded } = setUp([step]);
      for (let i = 0; i < 81 && !hasEnded(); i++) await clock.advance(100);
      assert.ok(hasEnded());
      assert.ok(log.includes('close'));
    });
  }

  it('keeps to 8 seconds when everything hangs', async () => {
    const { clock, log, hasEnded } = setUp(['jobs', 'flush', 'upload', 'close']);
    for (let i = 0; i < 81 && !hasEnded(); i++) await clock.advance(100);
    assert.ok(hasEnded());
    assert.equal(log.at(-1), 'close');
  });
});
