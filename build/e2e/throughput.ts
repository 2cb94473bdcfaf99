import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { get } from 'node:http';

import { pluginId } from '../support/repository.ts';
import { chunksOf } from '../support/response.ts';
import type { Person } from './administrator.ts';

/** Overwrites a file with pseudo-random bytes, which nothing on the way can compress. */
export function fillFile(path: string, sizeBytes: number): void {
  const file = openSync(path, 'w');
  const chunk = new Uint8Array(1 << 20);
  for (let written = 0; written < sizeBytes; written += chunk.length) {
    for (let i = 0; i < chunk.length; i += 32) {
      if (written === 0 || i === 0) {
        chunk.set(createHash('sha256').update(`${written}:${i}`).digest(), i);
      }
    }
    writeSync(file, chunk);
  }
  closeSync(file);
}

/** Megabytes per second of one download of which nothing is kept or looked at. */
export async function downloadSpeed(admin: Person, id: string): Promise<number> {
  const url = `${admin.client.getUrl()}/plugins/${pluginId}/jobs/download/${id}`;
  const headers = { Authorization: `Bearer ${admin.client.getToken()}` };
  const began = performance.now();
  const bytes = await new Promise<number>((resolve, reject) => {
    get(url, { headers }, (response) => {
      let received = 0;
      response.on('data', (chunk: Uint8Array) => (received += chunk.length));
      response.on('end', () => resolve(received));
      response.on('error', reject);
    }).on('error', reject);
  });
  return bytes / 1e3 / (performance.now() - began);
}

/** Length and digest of what a download brings. */
export async function digestDownload(
  admin: Person,
  id: string,
): Promise<{ bytes: number; sha256: string }> {
  const digest = createHash('sha256');
  const response = await admin.plugin(`/jobs/download/${id}`);
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  let bytes = 0;
  for await (const chunk of chunksOf(response)) {
    digest.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: digest.digest('hex') };
}

/** The slowest answer to `GET /status`, asked again and again until `work` is done. */
export async function slowestStatus(admin: Person, work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const finished = work.finally(() => (isDone = true));
  let slowestMs = 0;
  while (!isDone) {
    const askedMs = performance.now();
    await admin.pluginJson('/status');
    slowestMs = Math.max(slowestMs, performance.now() - askedMs);
  }
  await finished;
  return slowestMs;
}
