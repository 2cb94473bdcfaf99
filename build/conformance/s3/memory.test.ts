import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { goSkip } from '../gob/skip.ts';
import { startS3Server } from './s3-server.ts';

const SIZE_MIB = 200;
/** Four parts of 5 MiB and what the client copies of them. */
const UPLOAD_GROWTH_MIB_MAX = 64;
/** What a socket delivers is garbage soon; V8 lets 64 MiB of it gather before it collects. */
const DOWNLOAD_GROWTH_MIB_MAX = 128;

interface Report {
  stored: number;
  read: number;
  isEqual: boolean;
  restMib: number;
  uploadMib: number;
  downloadMib: number;
}

test('200 MiB go to S3 and back in little memory', { skip: goSkip }, async (context) => {
  const server = await startS3Server();
  try {
    // As the shipped executable runs: with its limit of the young generation.
    const program = join(import.meta.dirname, 'memory-main.ts');
    const args = ['--max-semi-space-size=8', program, server.endpoint, String(SIZE_MIB)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const report = JSON.parse(stdout) as Report;
    assert.equal(report.stored, SIZE_MIB * 1024 * 1024);
    assert.equal(report.read, report.stored);
    assert.ok(report.isEqual, 'other bytes came back');
    const { restMib, uploadMib, downloadMib } = report;
    const [rest, up, down] = [restMib, uploadMib, downloadMib].map((mib) => mib.toFixed(1));
    context.diagnostic(`resident at rest ${rest} MiB; growth: upload ${up}, download ${down} MiB`);
    assert.ok(uploadMib < UPLOAD_GROWTH_MIB_MAX, stdout);
    assert.ok(downloadMib < DOWNLOAD_GROWTH_MIB_MAX, stdout);
  } finally {
    await server.stop();
  }
});
