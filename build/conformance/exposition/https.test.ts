// Exporters behind TLS: the certificates that count are those that the machine trusts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';

import { NodeHttpClient } from '../../../server/src/platform/http-client.ts';
import { closeServer, listen } from '../../devhost/exporter.ts';
import { run } from '../../support/processes.ts';
import { repositoryRoot } from '../../support/repository.ts';
import { temporaryDir } from '../../support/temporary.ts';

const OPTIONS = { headers: {}, timeoutMs: 5_000, bodyLimitBytes: 0 };

suite('an exporter behind TLS', () => {
  const dir = temporaryDir('https');
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
  let server: https.Server;
  let url: string;

  before(async () => {
    const subject = ['-subj', '/CN=exporter', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', key, '-out', certificate, '-days', '2'];
    run('openssl', ['req', '-x509', ...curve, ...files, ...subject], { stdio: 'pipe' });
    const material = { key: readFileSync(key), cert: readFileSync(certificate) };
    server = https.createServer(material, (_, response) => response.end('a 1\n'));
    url = `https://127.0.0.1:${await listen(server)}/metrics`;
  });
  after(() => closeServer(server));

  test('is refused while nobody trusts its certificate, with the reason', async () => {
    const client = new NodeHttpClient();
    await assert.rejects(client.get(url, OPTIONS), {
      code: 'ERR_HTTP',
      message: 'the certificate of the host is not accepted: self-signed certificate',
    });
    client.close();
  });

  test('is scraped when the system trusts it', async () => {
    const module = join(repositoryRoot, 'server/src/platform/http-client.ts');
    const program = `
      import { NodeHttpClient } from ${JSON.stringify(module)};
      const client = new NodeHttpClient();
      const { body } = await client.get(${JSON.stringify(url)}, ${JSON.stringify(OPTIONS)});
      process.stdout.write(body);
      client.close();
    `;
    const env = { ...process.env, SSL_CERT_FILE: certificate };
    const args = ['--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    assert.equal(stdout, 'a 1\n');
  });

  test('is scraped while the settings trust it, and by no kept connection afterwards', async () => {
    const client = new NodeHttpClient();
    const extraCa = readFileSync(certificate, 'utf8');
    for (let i = 0; i < 2; i++) {
      const { body } = await client.get(url, {
        ...OPTIONS,
        extraCa: `# of the exporter\n${extraCa}`,
      });
      assert.equal(Buffer.from(body).toString(), 'a 1\n');
    }
    await assert.rejects(client.get(url, OPTIONS), { code: 'ERR_HTTP' });
    client.close();
  });

  test('is scraped while another certificate in the settings is damaged', async () => {
    const client = new NodeHttpClient();
    const whole = readFileSync(certificate, 'utf8');
    const damaged = whole.split('\n').toSpliced(2, 1).join('\n');
    const { body } = await client.get(url, { ...OPTIONS, extraCa: damaged + whole });
    assert.equal(Buffer.from(body).toString(), 'a 1\n');
    client.close();
  });

  test('is refused, too, where the environment of the server has checks turned off', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      await assert.rejects(new NodeHttpClient().get(url, OPTIONS), { code: 'ERR_HTTP' });
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });
});
