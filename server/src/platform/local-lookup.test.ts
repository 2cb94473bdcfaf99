import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';

import { localLookup, sharingLookup } from './local-lookup.ts';

function addresses(host: string, options: object): Promise<(string | undefined)[]> {
  return new Promise((resolve, reject) => {
    localLookup(host, options, (error, found: string | LookupAddress[]) => {
      if (error !== null) reject(error);
      else resolve(Array.isArray(found) ? found.map(({ address }) => address) : [found]);
    });
  });
}

test('localhost is known in every form, other hosts are looked up', async () => {
  assert.deepEqual(await addresses('localhost', { all: true }), ['127.0.0.1', '::1']);
  assert.deepEqual(await addresses('LocalHost', { all: true, family: 6 }), ['::1']);
  assert.deepEqual(await addresses('localhost', {}), ['127.0.0.1']);
  assert.deepEqual(await addresses('127.0.0.2', { all: true }), ['127.0.0.2']);
  await assert.rejects(addresses('no-such-host.invalid', { all: true }));
});

test('a host is asked about once at a time, and all who wait get the answer, good or bad', () => {
  const asked: string[] = [];
  const answers: ((error: Error | null, found: LookupAddress[]) => void)[] = [];
  const lookUp = sharingLookup((host, _, callback) => {
    asked.push(host);
    answers.push(callback);
  });
  const got: unknown[] = [];
  const note = (error: Error | null, found: string | LookupAddress[]): void => {
    got.push(error?.message ?? found);
  };
  lookUp('dead', { all: true }, note);
  lookUp('dead', {}, note);
  lookUp('good', {}, note);
  lookUp('dead', { family: 6 }, note);
  assert.deepEqual(asked, ['dead', 'good', 'dead']);
  const found = [{ address: '10.0.0.1', family: 4 }];
  answers[1](null, found);
  assert.deepEqual(got, ['10.0.0.1']);
  answers[0](null, found);
  answers[2](new Error('no'), []);
  assert.deepEqual(got.slice(1), [found, '10.0.0.1', 'no']);
  lookUp('dead', {}, note);
  assert.equal(asked.length, 4);
});
