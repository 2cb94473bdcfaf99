import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';

const PROGRAM = `
  import { credentialsFor } from ${JSON.stringify(new URL('./s3-credentials.ts', import.meta.url).href)};
  const provider = credentialsFor({ credentials: undefined });
  console.log((await provider()).accessKeyId);`;

const keys = {
  Code: 'Success',
  AccessKeyId: 'of-the-machine',
  SecretAccessKey: 's',
  Token: 't',
  Expiration: new Date(Date.now() + 3_600_000).toISOString(),
};
const machine = http.createServer((request, response) => {
  if (request.method === 'PUT') response.end('token');
  else if (request.url?.endsWith('/security-credentials/') === true) response.end('role');
  else response.end(JSON.stringify(keys));
});
const seen: string[] = [];
const proxy = http.createServer((request, response) => {
  seen.push(request.url ?? '');
  response.writeHead(502).end();
});

function addressOf(server: http.Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

before(async () => {
  for (const server of [machine, proxy]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
});
after(() => {
  for (const server of [machine, proxy]) {
    server.close();
    server.closeAllConnections();
  }
});

it('the identity of a machine is asked for without the proxy of the environment', async () => {
  const env = {
    PATH: process.env.PATH,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: addressOf(proxy),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: addressOf(machine),
  };
  const args = ['--input-type=module', '-e', PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 30_000 });
  assert.equal(stdout.trim(), 'of-the-machine');
  assert.deepEqual(seen, []);
});
