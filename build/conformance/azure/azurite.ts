// A Blob service that is not ours: Azurite, Microsoft's own for development.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';

import { readAzureSettings } from '../../../server/src/filestore/azureblob/azure-settings.ts';
import type { AzureFileSettings } from '../../../server/src/filestore/azureblob/azure-settings.ts';
import { exchange } from '../../../server/src/platform/bucket/exchange.ts';
import { sharedKey } from '../../../server/src/platform/azureblob/shared-key.ts';
import { ended, spawnTied } from '../../support/processes.ts';
import { repositoryRoot } from '../../support/repository.ts';
import { freePort, temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';

export const ACCOUNT = 'conformance';
export const ACCESS_KEY = randomBytes(64).toString('base64');
export const CONTAINER = 'metrics-files';

export interface Azurite {
  /** Host and port. */
  readonly endpoint: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/**
 * Starts Azurite on a free port of the loopback interface, with an empty container.
 *
 * @param tls files in PEM, which make it speak TLS and take tokens
 */
export async function startAzurite(tls?: { certificate: string; key: string }): Promise<Azurite> {
  const program = join(repositoryRoot, 'node_modules', '.bin', 'azurite-blob');
  const port = await freePort();
  const options = ['--blobHost', '127.0.0.1', '--blobPort', String(port)];
  const secure = tls === undefined ? [] : ['--cert', tls.certificate, '--key', tls.key];
  const tokens = tls === undefined ? [] : ['--oauth', 'basic'];
  const quiet = ['--silent', '--disableTelemetry', '--location', temporaryDir('azurite')];
  const env = { ...process.env, AZURITE_ACCOUNTS: `${ACCOUNT}:${ACCESS_KEY}` };
  const args = [program, ...options, ...secure, ...tokens, ...quiet];
  let child: ChildProcess | undefined;
  const server: Azurite = {
    endpoint: `127.0.0.1:${port}`,
    start: async () => {
      child = spawnTied(process.execPath, args, { stdio: 'ignore', env });
      await waitUntil('Azurite listens', () => isListening(port), 30_000);
    },
    stop: async () => {
      child?.kill('SIGTERM');
      if (child !== undefined) await ended(child);
    },
  };
  await server.start();
  await makeContainer(server.endpoint, tls !== undefined);
  return server;
}

async function makeContainer(endpoint: string, isSecure: boolean): Promise<void> {
  const scheme = isSecure ? 'https' : 'http';
  const url = new URL(`${scheme}://${endpoint}/${ACCOUNT}/${CONTAINER}?restype=container`);
  const date = new Date().toUTCString();
  const headers = { 'x-ms-date': date, 'x-ms-version': '2021-12-02', 'content-length': '0' };
  const request = { method: 'PUT', url, headers };
  const authorization = sharedKey(request, ACCOUNT, ACCESS_KEY);
  const answer = await exchange(
    { ...request, headers: { ...headers, authorization }, timeoutMs: 10_000 },
    { isSecure, verifiesCertificates: false },
  );
  answer.resume();
  if (answer.statusCode !== 201) throw new Error(`no container was made: ${answer.statusCode}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The settings of an administrator who uses the container at `endpoint`. */
export function azureFileSettings(
  endpoint: string,
  change: Partial<AzureFileSettings> = {},
): AzureFileSettings {
  return {
    account: ACCOUNT,
    authMode: 'shared_key',
    accessKey: ACCESS_KEY,
    container: CONTAINER,
    pathPrefix: '',
    cloud: 'custom',
    endpoint: `http://${endpoint}/${ACCOUNT}`,
    ssl: false,
    requestTimeoutMs: 30_000,
    acceptsAnyCertificate: false,
    ...change,
  };
}

export function containerSettings(endpoint: string, change: Partial<AzureFileSettings> = {}) {
  return readAzureSettings(azureFileSettings(endpoint, change)).container;
}
