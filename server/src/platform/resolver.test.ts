import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemResolver } from './resolver.ts';

const CASES: [host: string, family: 4 | 6, addresses: string[]][] = [
  ['127.0.0.1', 4, ['127.0.0.1']],
  ['127.0.0.1', 6, []],
  ['::1', 6, ['::1']],
  ['::1', 4, []],
  ['localhost', 4, ['127.0.0.1']],
];

for (const [host, family, addresses] of CASES) {
  test(`${host} is ${addresses.join() || 'nothing'} in IPv${family}`, async () => {
    assert.deepEqual([...new Set(await systemResolver.resolve(host, family))], addresses);
  });
}
