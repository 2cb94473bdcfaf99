import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hostComplaint, joinHostPort, splitZone, urlAuthority } from './host.ts';

describe('hosts', () => {
  for (const host of [
    'app1',
    'a.b-c.example',
    'ä.example',
    '10.0.0.1',
    'fd00::1',
    'fe80::1%eth0',
  ]) {
    it(`takes ${host}`, () => assert.equal(hostComplaint(host), undefined));
  }

  const bad: [host: string, why: RegExp][] = [
    ['', /empty/],
    ['a/b', /host name or an IP address/],
    ['a b', /host name/],
    ['a\tb', /host name/],
    ['user@a', /host name/],
    ['a%eth0', /host name/],
    ['[::1]', /IPv6/],
    ['node1:8075', /without a port/],
    ['node1:', /without a port/],
    ['fe80::1%', /zone/],
    ['fe80::1%a%b', /zone/],
    ['fe80::1%a/b', /zone/],
    ['fe80::x', /IPv6/],
    ['fe80::1::2', /IPv6/],
  ];
  for (const [host, why] of bad) {
    it(`refuses ${JSON.stringify(host)}`, () => assert.match(hostComplaint(host) ?? '', why));
  }

  it('stand in brackets when they have colons, and carry their zone into URLs and out of them', () => {
    assert.equal(joinHostPort('fe80::1%eth0', 1), '[fe80::1%eth0]:1');
    assert.equal(urlAuthority('fe80::1%eth0', 1), '[fe80::1%25eth0]:1');
    assert.equal(urlAuthority('app1', 1), 'app1:1');
    for (const percent of ['%', '%25']) {
      assert.deepEqual(splitZone(`http://[fe80::1${percent}eth0]:1/m?a=%25b`), {
        url: 'http://[fe80::1]:1/m?a=%25b',
        zone: 'eth0',
      });
    }
    assert.equal(splitZone('http://id:key@[fe80::1%25eth0]:1/').url, 'http://id:key@[fe80::1]:1/');
    const plain = 'http://app1/[fe80::1%eth0]';
    assert.deepEqual(splitZone(plain), { url: plain, zone: '' });
  });
});
