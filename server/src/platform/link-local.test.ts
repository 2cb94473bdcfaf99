import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isLinkLocal } from './link-local.ts';

const REFUSED = [
  '169.254.169.254',
  '169.254.0.1',
  '169.254.255.255',
  'fe80::1',
  'FE80::1',
  'fe80::1%eth0',
  '[fe80::1]',
  'febf:ffff::1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '[::ffff:a9fe:a9fe]',
  '::169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  'fd00:ec2::254',
  'fd00:0ec2:0:0::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  ...['169.254.169.254', '168.63.129.16', '100.100.100.200', '192.0.0.192'].flatMap((address) => [
    address,
    ...['::ffff:', '::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::'].map((prefix) => prefix + address),
  ]),
  '2002:6464:64c8::1',
  '2002:c000:c0:1::',
];
const ALLOWED = [
  '169.253.255.255',
  '169.255.0.0',
  '127.0.0.1',
  '10.0.0.1',
  '::1',
  'fec0::1',
  'fd00:ec3::254',
  '::ffff:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '168.63.129.17',
  '100.100.100.201',
  '2002:6464:64c9::1',
  'localhost',
  '169.254.169.254.example.com',
  '',
];

test('link-local addresses are known in whatever way they are written, and others are not', () => {
  for (const host of REFUSED) assert.ok(isLinkLocal(host), host);
  for (const host of ALLOWED) assert.ok(!isLinkLocal(host), host);
});
