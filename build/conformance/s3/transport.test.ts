// Certificates and proxies, which only a real connection shows.
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { Bucket } from '../../../server/src/base/ports/bucket.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { run } from '../../support/processes.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { goSkip } from '../gob/skip.ts';
import { REGION, bucketSettings, startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

describe('the connection to amazons3', { skip: goSkip }, () => {
  const dir = temporaryDir('s3-certificate');
  const key = join(dir, 'key.pem');
  const certificate = join(dir, 'certificate.pem');
  let secure: S3Server;

  before(async () => {
    const subject = ['-subj', '/CN=store', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', key, '-out', certificate, '-days', '2'];
    run('openssl', ['req', '-x509', ...curve, ...files, ...subject], { stdio: 'pipe' });
    secure = await startS3Server({ certificate, key });
  });
  after(() => secure.stop());

  function open(acceptsAnyCertificate: boolean): Bucket {
    const change = { ssl: true, acceptsAnyCertificate, region: REGION };
    return openS3Bucket(bucketSettings(secure.endpoint, change));
  }

  it('is refused when nobody trusts the certificate', async () => {
    await assert.rejects(open(false).put('f', new Uint8Array(1)), (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'ERR_FILESTORE_TLS');
      assert.match(error.message, /not valid for it or not trusted/);
      return true;
    });
  });

  it('is made when the server says that any certificate will do', async () => {
    const bucket = open(true);
    await bucket.put('f', new Uint8Array(5));
    assert.equal((await bucket.head('f'))?.sizeBytes, 5);
  });

  it('is made when the system trusts the certificate', async () => {
    const program = `
      const { openS3Bucket } = await import(${JSON.stringify(
        new URL('../../../server/src/platform/s3/s3-bucket.ts', import.meta.url).href,
      )});
      const { bucketSettings } = await import(${JSON.stringify(
        new URL('./s3-server.ts', import.meta.url).href,
      )});
      const change = { ssl: true, region: '${REGION}' };
      const bucket = openS3Bucket(bucketSettings('${secure.endpoint}', change));
      console.log((await bucket.head('f'))?.sizeBytes);`;
    // OpenSSL's own variable for the system's list of authorities; Go reads it too.
    const env = { ...process.env, SSL_CERT_FILE: certificate };
    const said = run(process.execPath, ['--input-type=module', '-e', program], { env });
    assert.equal(said.trim(), '5');
  });

  it('goes through the proxy of the environment, and to the hosts in NO_PROXY directly', async () => {
    const asked: string[] = [];
    const proxy = http.createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(200, { 'Content-Length': '7', ETag: '"x"' }).end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const before = { ...process.env };
    try {
      process.env.HTTP_PROXY = `http://127.0.0.1:${port}`;
      process.env.NO_PROXY = 'direct.invalid';
      const change = { region: REGION };
      const bucket = openS3Bucket(bucketSettings('store.invalid', change));
      assert.equal((await bucket.head('a'))?.sizeBytes, 7);
      assert.deepEqual(asked, ['HEAD http://store.invalid/metrics-files/a']);
      const direct = openS3Bucket(bucketSettings('direct.invalid', change));
      await assert.rejects(direct.head('a'), { code: 'ERR_FILESTORE_UNREACHABLE' });
      assert.equal(asked.length, 1);
    } finally {
      process.env = before;
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  it('takes the identity of the container when there are no keys', async () => {
    const keys = { AccessKeyId: 'role-key', SecretAccessKey: 's', Token: 'role-token' };
    const seen: string[] = [];
    const both = http.createServer((request, response) => {
      if (request.url === '/identity') {
        const expiry = new Date(Date.now() + 3_600_000).toISOString();
        response.end(JSON.stringify({ ...keys, Expiration: expiry }));
        return;
      }
      seen.push(
        String(request.headers.authorization),
        String(request.headers['x-amz-security-token']),
      );
      response.writeHead(200, { 'Content-Length': '7', ETag: '"x"' }).end();
    });
    await new Promise<void>((resolve) => both.listen(0, '127.0.0.1', resolve));
    const endpoint = `127.0.0.1:${(both.address() as AddressInfo).port}`;
    const before = { ...process.env };
    try {
      process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = `http://${endpoint}/identity`;
      process.env.AWS_ACCESS_KEY_ID = 'of-another-program';
      process.env.AWS_SECRET_ACCESS_KEY = 'of-another-program';
      const change = { region: REGION, accessKeyId: '', secretAccessKey: '' };
      await openS3Bucket(bucketSettings(endpoint, change)).head('a');
      assert.match(seen[0] ?? '', /Credential=role-key\//);
      assert.equal(seen[1], 'role-token');
    } finally {
      process.env = before;
      both.close();
      both.closeAllConnections();
    }
  });

  it('asks for encryption and a storage class when the settings say so', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const store = http.createServer((request, response) => {
      seen.push(request.headers);
      request.resume();
      response.writeHead(200, { ETag: '"x"' }).end();
    });
    await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve));
    const endpoint = `127.0.0.1:${(store.address() as AddressInfo).port}`;
    const change = { region: REGION, sse: true, storageClass: 'STANDARD_IA' };
    await openS3Bucket(bucketSettings(endpoint, change)).put('a', new Uint8Array(1));
    const licensed = { ...change, isComplianceLicensed: true };
    await openS3Bucket(bucketSettings(endpoint, licensed)).put('a', new Uint8Array(1));
    store.close();
    store.closeAllConnections();
    assert.deepEqual(
      seen.map((headers) => headers['x-amz-server-side-encryption']),
      [undefined, 'AES256'],
    );
    assert.ok(seen.every((headers) => headers['x-amz-storage-class'] === 'STANDARD_IA'));
  });
});
