// An S3 server that is not ours: versitygw, which keeps buckets as folders.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import type { BucketSettings } from '../../../server/src/base/ports/bucket.ts';
import { readS3Settings } from '../../../server/src/filestore/s3/s3-settings.ts';
import type { S3FileSettings } from '../../../server/src/filestore/s3/s3-settings.ts';
import { goBuild } from '../../support/go.ts';
import { ended, spawnTied } from '../../support/processes.ts';
import { freePort, temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';

export const ACCESS_KEY_ID = 'conformance-key';
export const SECRET_ACCESS_KEY = 'conformance-secret';
export const REGION = 'eu-central-1';
export const BUCKET = 'metrics-files';

export interface S3Server {
  /** Host and port. */
  readonly endpoint: string;
  /** Folder of the bucket; its objects are files below it. */
  readonly dir: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/**
 * Starts the server on a free port of the loopback interface, with an empty bucket.
 *
 * @param tls files in PEM; without them it speaks plain HTTP
 */
export async function startS3Server(tls?: { certificate: string; key: string }): Promise<S3Server> {
  const program = goBuild({
    dir: join(import.meta.dirname, 'server'),
    name: 'versitygw',
    package: 'github.com/versity/versitygw/cmd/versitygw',
  });
  const root = temporaryDir('s3-server');
  mkdirSync(join(root, 'buckets', BUCKET), { recursive: true });
  mkdirSync(join(root, 'metadata'));
  const endpoint = `127.0.0.1:${await freePort()}`;
  const keys = ['--access', ACCESS_KEY_ID, '--secret', SECRET_ACCESS_KEY];
  const common = ['--port', endpoint, '--region', REGION, '--quiet', '--keep-alive', ...keys];
  const flags = tls === undefined ? [] : ['--cert', tls.certificate, '--key', tls.key];
  const store = ['posix', '--sidecar', join(root, 'metadata'), join(root, 'buckets')];
  let child: ReturnType<typeof spawn> | undefined;
  const server: S3Server = {
    endpoint,
    dir: join(root, 'buckets', BUCKET),
    start: async () => {
      child = spawnTied(program, [...common, ...flags, ...store], { stdio: 'ignore' });
      await waitUntil('the S3 server listens', () => isListening(endpoint));
    },
    stop: async () => {
      child?.kill('SIGTERM');
      if (child !== undefined) await ended(child);
    },
  };
  await server.start();
  return server;
}

function isListening(endpoint: string): Promise<boolean> {
  const [host, port] = endpoint.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The settings of an administrator who uses the bucket at `endpoint`. */
export function fileSettings(
  endpoint: string,
  change: Partial<S3FileSettings> = {},
): S3FileSettings {
  return {
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    bucket: BUCKET,
    pathPrefix: '',
    region: '',
    endpoint,
    ssl: false,
    signV2: false,
    sse: false,
    isComplianceLicensed: false,
    requestTimeoutMs: 30_000,
    uploadPartSizeBytes: 5 * 1024 * 1024,
    storageClass: '',
    acceptsAnyCertificate: false,
    ...change,
  };
}

export function bucketSettings(
  endpoint: string,
  change: Partial<S3FileSettings> = {},
): BucketSettings {
  return readS3Settings(fileSettings(endpoint, change)).bucket;
}
