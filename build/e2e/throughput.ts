import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { digestOf } from '../support/digest.ts';
import type { Digest } from '../support/digest.ts';
import { pluginId } from '../support/repository.ts';
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

/**
 * The answer to a download. Node's own client and not fetch, whose parser fails when the server closes
 * the connection behind the last byte while the reader still has some to take.
 */
function openDownload(admin: Person, id: string): Promise<IncomingMessage> {
  const url = `${admin.client.getUrl()}/plugins/${pluginId}/jobs/download/${id}`;
  const headers = { Authorization: `Bearer ${admin.client.getToken()}` };
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`status ${response.statusCode}`));
    }).on('error', reject);
  });
}

/** Megabytes per second of one download of which nothing is kept or looked at. */
export async function downloadSpeed(admin: Person, id: string): Promise<number> {
  const began = performance.now();
  let bytes = 0;
  for await (const piece of (await openDownload(admin, id)) as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
  }
  return bytes / 1e3 / (performance.now() - began);
}

/** Length and digest of what a download brings, read as fast as it comes or at a given speed. */
export async function digestDownload(
  admin: Person,
  id: string,
  bytesPerSecond?: number,
): Promise<Digest> {
  return digestOf(await openDownload(admin, id), bytesPerSecond);
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
