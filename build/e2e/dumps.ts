import { createWriteStream, mkdirSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { chunksOf } from '../support/response.ts';
import { run } from '../support/processes.ts';
import { temporaryDir } from '../support/temporary.ts';
import { waitUntil } from '../support/wait.ts';
import type { Person } from './administrator.ts';

/** A dump job as `GET /jobs` lists it. */
export interface DumpJob {
  id: string;
  status: string;
  create_at: number;
  min_t: number;
  max_t: number;
  dump_location: string;
  error?: string;
}

/** Asks for a dump of a time range by the HTTP API and waits until it is finished. */
export async function createDump(admin: Person, minMs: number, maxMs: number): Promise<DumpJob> {
  const job = await admin.pluginJson<DumpJob>('/jobs/create', {
    method: 'POST',
    body: JSON.stringify({ min_t: minMs, max_t: maxMs }),
  });
  return finishedDump(admin, job.id);
}

/** The job once it has succeeded; a failed one throws with its reason. */
export async function finishedDump(
  admin: Person,
  id: string,
  timeoutMs = 60_000,
): Promise<DumpJob> {
  const job = await waitUntil(
    `dump ${id} is finished`,
    async () => {
      const found = (await admin.pluginJson<DumpJob[]>('/jobs')).find((each) => each.id === id);
      return (found?.status === 'success' || found?.status === 'error') && found;
    },
    timeoutMs,
    200,
  );
  if (job.status === 'error') throw new Error(`the dump failed: ${JSON.stringify(job)}`);
  return job;
}

/** Downloads a dump with the person's session and unpacks it; the folder with the blocks is returned. */
export async function downloadAndUnpack(admin: Person, id: string): Promise<string> {
  const dir = temporaryDir('dump');
  const archive = join(dir, 'dump.tar.gz');
  const response = await admin.plugin(`/jobs/download/${id}`);
  if (response.status !== 200) {
    throw new Error(`download: ${response.status} ${await response.text()}`);
  }
  await pipeline(chunksOf(response), createWriteStream(archive));
  const unpacked = join(dir, 'unpacked');
  mkdirSync(unpacked);
  run('tar', ['-xzf', archive, '-C', unpacked]);
  return unpacked;
}

/** Names of the block directories of an unpacked dump. */
export function blocksOf(dir: string): string[] {
  return readdirSync(dir).filter((name) => existsSync(join(dir, name, 'meta.json')));
}
