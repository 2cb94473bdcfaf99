import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

it('a token service that accepts and stays silent is given up', async () => {
  const silent = net.createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const dir = mkdtempSync(join(tmpdir(), 's3-credentials-'));
  const token = join(dir, 'token');
  writeFileSync(token, 'token');
  try {
    const env = {
      PATH: process.env.PATH,
      AWS_REGION: 'us-east-1',
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/server',
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    };
    const args = ['--input-type=module', '-e', PROGRAM];
    const asked = promisify(execFile)(process.execPath, args, { env, timeout: 60_000 });
    await assert.rejects(asked, /TimeoutError/);
  } finally {
    silent.close();
    rmSync(dir, { recursive: true, force: true });
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
