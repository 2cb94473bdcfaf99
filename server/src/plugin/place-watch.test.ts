import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { PlaceWatch } from './place-watch.ts';

test('a look at a database that nothing can be found out of is a warning, not a failure', async () => {
  const board = new WarningBoard(silentLogger);
  const watch = new PlaceWatch({ board, clock: new FakeClock() });
  const fail = (): Promise<never> => Promise.reject(new CodedError('ERR_FS', 'the disk is gone'));
  await watch.look({ dir: 'tsdb', keepPlace: fail, exposedTo: fail });
  assert.match(board.list()[0].message, /tsdb lost its files .* the disk is gone/);
  await watch.look({ dir: 'tsdb', keepPlace: fail, exposedTo: async () => 'others' });
  assert.equal(board.list().length, 2);
});
