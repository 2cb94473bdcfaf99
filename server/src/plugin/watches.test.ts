import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import { makeWatches } from './watches.ts';

test('work that stands still is named, however well later work of its kind ends', async () => {
  const clock = new FakeClock();
  const board = new WarningBoard(silentLogger);
  const watchdog = new Watchdog(clock, silentLogger);
  const { roles } = makeWatches(watchdog, board);
  watchdog.start();
  let end = (): void => {};
  void roles.watch(() => new Promise<void>((resolve) => (end = resolve)));
  for (let s = 0; s < 70; s++) {
    await clock.advance(1_000);
    await roles.watch(() => Promise.resolve());
  }
  assert.deepEqual(
    board.list().map(({ code }) => code),
    ['roles_stuck'],
  );
  end();
  for (let s = 0; s < 6; s++) await clock.advance(1_000);
  assert.deepEqual(board.list(), []);
  await watchdog.stop();
});
