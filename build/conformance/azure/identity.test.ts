// Tokens of an identity instead of a key: Azurite takes them over TLS and checks what they say.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { AzureBucket } from '../../../server/src/platform/azureblob/azure-bucket.ts';
import { run } from '../../support/processes.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { bytesOf } from '../s3/bytes.ts';
import { ACCOUNT, containerSettings, startAzurite } from './azurite.ts';
import type { Azurite } from './azurite.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';

/** What Azure's authority would issue, but for the signature, which Azurite does not check. */
function token(secondsLeft: number): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: 'https://storage.azure.com',
    iss: `https://sts.windows.net/${TENANT}/`,
    iat: now - 60,
    nbf: now - 60,
    exp: now + secondsLeft,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('the identity of a machine on Azure', () => {
  const dir = temporaryDir('azure-identity');
  const key = join(dir, 'key.pem');
  const certificate = join(dir, 'certificate.pem');
  const asked: { request: IncomingMessage; body: string }[] = [];
  let answer: () => { status: number; body: object };
  let azurite: Azurite;
  let authority: http.Server;
  let address = '';

  before(async () => {
    const subject = ['-subj', '/CN=store', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', key, '-out', certificate, '-days', '2'];
    run('openssl', ['req', '-x509', ...curve, ...files, ...subject], { stdio: 'pipe' });
    azurite = await startAzurite({ certificate, key });
    authority = http.createServer((request, response) => {
      let body = '';
      request.on('data', (piece: Buffer) => (body += piece.toString()));
      request.on('end', () => {
        asked.push({ request, body });
        const { status, body: fields } = answer();
        response.writeHead(status).end(JSON.stringify(fields));
      });
    });
    await new Promise<void>((resolve) => authority.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(authority.address() as AddressInfo).port}`;
  });
  after(async () => {
    authority.close();
    authority.closeAllConnections();
    await azurite.stop();
  });

  /** Runs with the environment of a machine that has the identity. */
  async function withEnv(
    env: Record<string, string>,
    work: (bucket: AzureBucket) => Promise<void>,
  ) {
    const before = { ...process.env };
    asked.length = 0;
    Object.assign(process.env, env);
    answer = () => ({ status: 200, body: { access_token: token(3600), expires_in: 3600 } });
    try {
      await work(new AzureBucket(settings()));
    } finally {
      process.env = before;
    }
  }

  function settings() {
    return containerSettings(azurite.endpoint, {
      authMode: 'default_credential',
      accessKey: '',
      endpoint: `https://${azurite.endpoint}/${ACCOUNT}`,
      acceptsAnyCertificate: true,
    });
  }

  async function storeAndRead(bucket: AzureBucket): Promise<void> {
    const bytes = randomBytes(3_000_000);
    await bucket.put('f', bytes);
    assert.equal((await bucket.head('f'))?.sizeBytes, bytes.length);
    const { pieces } = await bucket.get('f', { start: 0 });
    assert.ok((await bytesOf(pieces)).equals(bytes), 'other bytes came back');
    assert.equal(asked.length, 1, 'a token was not used again');
  }

  it('is a service principal of the environment', async () => {
    const env = {
      AZURE_AUTHORITY_HOST: address,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: 'the-client',
      AZURE_CLIENT_SECRET: 'the secret',
    };
    await withEnv(env, async (bucket) => {
      await storeAndRead(bucket);
      assert.equal(asked[0].request.url, `/${TENANT}/oauth2/v2.0/token`);
      const form = new URLSearchParams(asked[0].body);
      assert.equal(form.get('client_secret'), 'the secret');
      assert.equal(form.get('scope'), 'https://storage.azure.com/.default');
    });
  });

  it('is a workload identity of Kubernetes', async () => {
    const file = join(dir, 'federated');
    writeFileSync(file, 'the.federated.token\n');
    const env = {
      AZURE_AUTHORITY_HOST: `${address}/`,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: 'the-client',
      AZURE_FEDERATED_TOKEN_FILE: file,
    };
    await withEnv(env, async (bucket) => {
      await storeAndRead(bucket);
      const form = new URLSearchParams(asked[0].body);
      assert.equal(form.get('client_assertion'), 'the.federated.token');
    });
  });

  it('is a managed identity of a service, or of the machine', async () => {
    const env = { IDENTITY_ENDPOINT: `${address}/msi`, IDENTITY_HEADER: 'knock knock' };
    await withEnv(env, async (bucket) => {
      await storeAndRead(bucket);
      assert.equal(asked[0].request.headers['x-identity-header'], 'knock knock');
      assert.match(asked[0].request.url ?? '', /resource=https%3A%2F%2Fstorage.azure.com%2F/);
    });
    await withEnv({ AZURE_POD_IDENTITY_AUTHORITY_HOST: address }, async (bucket) => {
      await storeAndRead(bucket);
      assert.equal(asked[0].request.headers.metadata, 'true');
      assert.match(asked[0].request.url ?? '', /^\/metadata\/identity\/oauth2\/token\?/);
    });
  });

  it('is asked for again before its token ends, or when the store does not take it', async () => {
    await withEnv({ AZURE_POD_IDENTITY_AUTHORITY_HOST: address }, async (bucket) => {
      answer = () => ({ status: 200, body: { access_token: token(3600), expires_in: '100' } });
      await bucket.put('f', new Uint8Array(1));
      await bucket.put('f', new Uint8Array(1));
      assert.equal(asked.length, 2);
    });
    await withEnv({ AZURE_POD_IDENTITY_AUTHORITY_HOST: address }, async (bucket) => {
      answer = () => ({ status: 200, body: { access_token: token(-10), expires_in: 3600 } });
      await assert.rejects(bucket.put('f', new Uint8Array(1)), { code: 'ERR_FILESTORE_DENIED' });
    });
  });

  it('is missed with a reason', async () => {
    await withEnv({ AZURE_POD_IDENTITY_AUTHORITY_HOST: address }, async (bucket) => {
      const body = { error: 'invalid_request', error_description: 'Identity not found' };
      answer = () => ({ status: 400, body });
      await assert.rejects(
        bucket.put('f', new Uint8Array(1)),
        (error: Error & { code: string }) => {
          assert.equal(error.code, 'ERR_FILESTORE_CREDENTIALS');
          assert.match(String(error.cause), /Identity not found/);
          return true;
        },
      );
    });
    await withEnv({ AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1' }, async (bucket) => {
      await assert.rejects(bucket.head('f'), { code: 'ERR_FILESTORE_CREDENTIALS' });
    });
  });
});
