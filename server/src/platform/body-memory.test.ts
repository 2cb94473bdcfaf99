import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../base/errors.ts';
import { BodyMemory } from './body-memory.ts';

const MIB = 1024 * 1024;

function isFull(error: unknown): boolean {
  return hasCode(error, 'ERR_HTTP_BODY_LIMIT');
}

test('large bodies that are being processed leave memory for small ones', () => {
  const memory = new BodyMemory(32 * MIB);
  const mustNotGo = (): void => assert.fail('a body that is in use had to go');
  const large = memory.open(0, mustNotGo);
  large.append(new Uint8Array(30 * MIB));
  large.finish();
  assert.throws(() => memory.open(0, mustNotGo).append(new Uint8Array(8 * MIB)), isFull);
  const small = Array.from({ length: 6 }, () => memory.open(0, mustNotGo));
  for (const body of small) {
    body.append(new Uint8Array(2 * MIB));
    body.finish();
  }
  for (const body of [large, ...small]) body.close();
  assert.equal(memory.heldBytes, 0);
});

test('a limit that memory does not allow is named as what it is', () => {
  const memory = new BodyMemory(MIB);
  const reason = (limitBytes: number): string => {
    try {
      memory.open(limitBytes, () => {}).append(new Uint8Array(MIB + 1));
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return '';
  };
  const most =
    'body is larger than 1048576 bytes, the most that is taken, whatever BodySizeLimitBytes says';
  assert.equal(reason(2 * MIB), most);
  assert.equal(reason(0), most);
  assert.equal(reason(1000), 'body is larger than the limit of 1000 bytes');
});
