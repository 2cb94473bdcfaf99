import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';

import { isNearby, makeAgents } from './agents.ts';

const NEARBY = [
  'localhost',
  '127.0.0.1:9000',
  '[::1]:9000',
  // Where machines ask who they are: Azure and Amazon, ECS, and EKS Pod Identity.
  '169.254.169.254',
  '169.254.170.2:80',
  '169.254.170.23',
  '[fe80::1]',
  '[fe80::1%25eth0]:80',
  '[febf::1]',
  '[fd00:ec2::254]',
  '[fd00:ec2::23]',
  '[::ffff:169.254.169.254]',
];
const FAR = [
  's3.amazonaws.com',
  '10.0.0.1',
  '169.255.0.1',
  '[fec0::1]',
  '[fd00:ec3::1]',
  '[2001:db8::1]:443',
];

describe('connections to stores and identity services', () => {
  it('go to the machine itself and to link-local addresses without a proxy', () => {
    for (const host of NEARBY) assert.equal(isNearby(host), true, host);
    for (const host of FAR) assert.equal(isNearby(host), false, host);
  });

  it('show the proxy of the environment nothing but what is far', async () => {
    const seen: string[] = [];
    const proxy = http.createServer((request, response) => {
      seen.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const before = { ...process.env };
    process.env.HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      const settings = { isSecure: false, verifiesCertificates: true };
      for (const host of ['127.0.0.1:1', '169.254.169.254', 'store.invalid']) {
        const { httpAgent: agent } = makeAgents(settings, host);
        await new Promise<void>((resolve) => {
          const request = http.get(`http://${host}/token`, { agent, timeout: 300 }, (answer) => {
            answer.resume().once('end', resolve);
          });
          request.once('timeout', () => request.destroy());
          request.once('error', () => resolve());
        });
        agent.destroy();
      }
    } finally {
      process.env = before;
      proxy.close();
      proxy.closeAllConnections();
    }
    assert.deepEqual(seen, ['http://store.invalid/token']);
  });
});
