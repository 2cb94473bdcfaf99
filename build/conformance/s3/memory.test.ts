import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { goSkip } from '../gob/skip.ts';
import { startS3Server } from './s3-server.ts';

const SIZE_MIB = 400;
const GROWTH_MIB_MAX = 64;

interface Report {
  bytes: number;
  sha256: string;
  restMib: number;
  growthMib: number;
}

test('a large file goes to S3 and back in little memory', { skip: goSkip }, async (context) => {
  const server = await startS3Server();
  const run = async (direction: 'upload' | 'download'): Promise<Report> => {
    // As the shipped executable runs: with its limit of the young generation.
    const program = join(import.meta.dirname, 'memory-main.ts');
    const args = [program, direction, server.endpoint, String(SIZE_MIB)];
    const flags = ['--max-semi-space-size=8'];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...args]);
    const report = JSON.parse(stdout) as Report;
    const [rest, growth] = [report.restMib, report.growthMib].map((mib) => mib.toFixed(1));
    context.diagnostic(`${direction}: resident at rest ${rest} MiB, growth ${growth} MiB`);
    assert.equal(report.bytes, SIZE_MIB * 1024 * 1024);
    assert.ok(report.growthMib < GROWTH_MIB_MAX, `${direction} grew by ${growth} MiB`);
    return report;
  };
  try {
    const sent = await run('upload');
    const received = await run('download');
    assert.equal(received.sha256, sent.sha256, 'other bytes came back');
  } finally {
    await server.stop();
  }
});
