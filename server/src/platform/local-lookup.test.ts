import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { test } from 'node:test';

import { localLookup } from './local-lookup.ts';

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
