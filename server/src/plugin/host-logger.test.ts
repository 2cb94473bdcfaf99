import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { HostLogger } from './host-logger.ts';

test('a line that the server never takes does not keep back all that follow', async () => {
  const clock = new FakeClock();
  const taken: string[] = [];
  const take = (message: string): Promise<void> => {
    taken.push(message);
    return message === 'lost' ? new Promise(() => {}) : Promise.resolve();
  };
  const logger = new HostLogger(
    { logDebug: take, logInfo: take, logWarn: take, logError: take },
    clock,
  );
  logger.info('lost');
  logger.warn('found');
  await clock.advance(5_000);
  assert.deepEqual(taken, ['lost']);
  for (let s = 0; s < 10; s++) await clock.advance(1_000);
  assert.deepEqual(taken, ['lost', 'found']);
});
