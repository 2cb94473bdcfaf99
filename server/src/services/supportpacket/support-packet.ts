import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/errors.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import { readSmallFile } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { fileNameOf } from '../../filestore/layout.ts';
import type { DumpJob } from '../jobs/job.ts';

/** A file at the top of the server's support packet. */
export interface PacketFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The file goes to the server in one gob message, of which we send at most 64 MiB, and the server
 * holds the whole packet in memory. Above that the download link is the better way.
 */
export const PACKET_DUMP_BYTES_MAX = 60 * 1024 * 1024;

/** The rest of the packet waits for ours, and the server has a limit for the whole. */
const PACKET_LIMIT_MS = 20_000;

const NOTE_FILE_NAME = 'metrics_dump_missing.txt';

export interface SupportPacketSources {
  readonly clock: Clock;
  /** Who keeps others waiting just now, such as `the file store`. */
  readonly slowest: () => string | undefined;
  /** All dump jobs. */
  readonly jobs: () => Promise<readonly DumpJob[]>;
  /** Throws a `CodedError` that says why when there is no usable file store. */
  readonly fileStore: () => FileStore;
  /** Where a person downloads the dump of a job. */
  readonly downloadLink: (jobId: string) => string;
}

/**
 * The newest finished dump, or a short text that says why there is none. It never rejects: a packet
 * with a reason in it helps the support engineer more than a failed hook.
 */
export async function collectSupportFiles(sources: SupportPacketSources): Promise<PacketFile[]> {
  const { clock, slowest } = sources;
  try {
    return await withTimeout(clock, PACKET_LIMIT_MS, newestDump(sources), () => {
      const who = slowest() ?? 'the file store or the server';
      const limitMs = PACKET_LIMIT_MS;
      return new CodedError('ERR_NO_ANSWER', `${who} does not answer in time`, { limitMs });
    });
  } catch (error) {
    return [note(`The metrics dump could not be attached: ${describeError(error)}.`)];
  }
}

async function newestDump(sources: SupportPacketSources): Promise<PacketFile[]> {
  const jobs = await sources.jobs();
  const newest = jobs
    .filter((job) => job.status === 'success' && job.dump_location !== '')
    .reduce<DumpJob | undefined>(
      (best, job) => (best === undefined || job.create_at > best.create_at ? job : best),
      undefined,
    );
  if (newest === undefined) return [note(noDumpText(jobs))];
  return [await readDump(newest, sources)];
}

async function readDump(job: DumpJob, sources: SupportPacketSources): Promise<PacketFile> {
  const store = sources.fileStore();
  const stat = await store.stat(job.dump_location);
  if (stat === undefined) {
    return note(`The file of the newest metrics dump is gone: ${job.dump_location}.`);
  }
  if (stat.sizeBytes > PACKET_DUMP_BYTES_MAX) {
    const sizeMb = Math.ceil(stat.sizeBytes / 1e6);
    return note(
      `The newest metrics dump is too large for a support packet (${sizeMb} MB). ` +
        `A system administrator can download it here: ${sources.downloadLink(job.id)}`,
    );
  }
  const bytes = await readSmallFile(store, job.dump_location, PACKET_DUMP_BYTES_MAX);
  return { name: fileNameOf(job.dump_location), bytes };
}

function noDumpText(jobs: readonly DumpJob[]): string {
  const how =
    'Create one in System Console > Plugins > Mattermost Metrics Plugin, or with the slash ' +
    'command "/metrics dump", wait until it is finished, and generate the support packet again.';
  if (jobs.some((job) => job.status === 'pending' || job.status === 'in_progress')) {
    return `There is no finished metrics dump yet; one is being made. ${how}`;
  }
  const failed = jobs.find((job) => job.status === 'error' && job.error !== undefined);
  const reason = failed === undefined ? '' : ` The newest one failed: ${failed.error}`;
  return `There is no finished metrics dump.${reason} ${how}`;
}

function note(text: string): PacketFile {
  return { name: NOTE_FILE_NAME, bytes: new TextEncoder().encode(`${text}\n`) };
}
