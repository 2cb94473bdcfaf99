import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { toLogPairs } from '../protocol/mattermost/log-fields.ts';
import { HostLogger } from './host-logger.ts';
import { ProcessLogger } from './process-logger.ts';

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

test('no line has a secret in it, whichever way it takes and whatever its values are', async () => {
  const lines: string[] = [];
  const take = (message: string, fields = {}): Promise<void> => {
    lines.push(message, JSON.stringify(toLogPairs(fields)));
    return Promise.resolve();
  };
  const host = new HostLogger(
    { logDebug: take, logInfo: take, logWarn: take, logError: take },
    new FakeClock(),
  );
  const url = 'postgres://mm:S3cret@db/mm';
  const fields = { url, list: [url], nested: { token: 'S3cret' }, error: new Error(url) };
  const logger = new ProcessLogger((line) => lines.push(line));
  logger.warn(`first ${url}`, fields);
  logger.setHost(host);
  logger.warn(`second ${url}`, fields);
  await host.flush();
  assert.equal(lines.length, 3);
  assert.doesNotMatch(lines.join(), /S3cret/);
  assert.match(lines.join(), /first postgres:\/\/…@db.*second postgres:\/\/…@db/s);
});
