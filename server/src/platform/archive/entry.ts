import { CodedError } from '../../base/errors.ts';
import type { ArchiveEntry } from '../../base/ports/archive.ts';

/** The entry's bytes, as many as it said; `ERR_ARCHIVE_SIZE` when they are more or less. */
export async function* exactly(entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const piece of entry.open()) {
    sizeBytes += piece.length;
    if (sizeBytes > entry.sizeBytes) break;
    yield piece;
  }
  if (sizeBytes === entry.sizeBytes) return;
  throw new CodedError('ERR_ARCHIVE_SIZE', 'a file changed its size while it was archived', {
    path: entry.path,
    expected: entry.sizeBytes,
    found: sizeBytes > entry.sizeBytes ? 'more' : sizeBytes,
  });
}
