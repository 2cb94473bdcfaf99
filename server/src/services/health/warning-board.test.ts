import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../../base/log.ts';
import { WarningBoard } from './warning-board.ts';

test('the log hears of a warning once, whatever numbers it tells meanwhile', () => {
  const logged: string[] = [];
  const note = (message: string): void => void logged.push(message);
  const board = new WarningBoard({ ...silentLogger, warn: note, info: note });
  const raise = (message: string): void => board.raise({ code: 'clock_wrong', message });
  raise('It is 16:06.');
  raise('It is 16:07.');
  assert.deepEqual(logged, ['It is 16:06.']);
  assert.equal(board.list()[0]?.message, 'It is 16:07.', 'people see what holds now');
  raise('It is late.');
  raise('The disk of f.tmp-3fa9c0d1 is gone.');
  raise('The disk of f.tmp-0b17e2aa is gone.');
  raise('Block 01ARZ3NDEKTSV4RRFFQ69G5F01 is gone.');
  raise('Block 01BRZ3NDEKTSV4RRFFQ69G5F01 is gone.');
  assert.deepEqual(logged.slice(1), [
    'It is late.',
    'The disk of f.tmp-3fa9c0d1 is gone.',
    'Block 01ARZ3NDEKTSV4RRFFQ69G5F01 is gone.',
    'Block 01BRZ3NDEKTSV4RRFFQ69G5F01 is gone.',
  ]);
  board.clear('clock_wrong');
  raise('It is 16:09.');
  assert.deepEqual(logged.slice(5), ['No longer the case', 'It is 16:09.']);
});
