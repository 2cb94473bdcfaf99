import { CodedError } from '../../base/errors.ts';
import type { FileStore } from '../../filestore/file-store.ts';

/**
 * Share of its size that a block has in an archive, about: chunks shrink to seven tenths, an index to
 * less than half. Blocks of two hours come out smaller than this says. The limit is
 * checked once more while the archive is written.
 */
const PACKED_SHARE = 0.7;
/** What must stay free on the file store's disk, since the server keeps its files there too. */
const RESERVE_BYTES = 256 * 1024 * 1024;

/** About how large an archive of `contentBytes` will be. */
export function estimateArchiveBytes(contentBytes: number): number {
  return Math.ceil(contentBytes * PACKED_SHARE);
}

/**
 * Rejects before anything is written: with `ERR_DUMP_SIZE` above the limit, with `ERR_FILESTORE_FULL`
 * when the store would not have room for it.
 *
 * @param limitBytes 0: no limit
 */
export async function checkSize(
  contentBytes: number,
  limitBytes: number,
  target: FileStore,
): Promise<void> {
  const expectedBytes = estimateArchiveBytes(contentBytes);
  checkLimit(expectedBytes, limitBytes);
  const freeBytes = await target.freeBytes?.();
  if (freeBytes === undefined || freeBytes >= expectedBytes + RESERVE_BYTES) return;
  throw new CodedError(
    'ERR_FILESTORE_FULL',
    `the dump would have about ${megabytes(expectedBytes)}, and the file store has room for ` +
      `${megabytes(Math.max(0, freeBytes - RESERVE_BYTES))} (${megabytes(RESERVE_BYTES)} are kept ` +
      'for the server); free some space or ask for a shorter range',
  );
}

/** Throws `ERR_DUMP_SIZE` when `archiveBytes` is above the limit. */
export function checkLimit(archiveBytes: number, limitBytes: number): void {
  if (limitBytes === 0 || archiveBytes <= limitBytes) return;
  throw new CodedError(
    'ERR_DUMP_SIZE',
    `the dump would have about ${megabytes(archiveBytes)}, and the limit is ` +
      `${megabytes(limitBytes)}; ask for a shorter range or raise DumpSizeLimitBytes`,
  );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
