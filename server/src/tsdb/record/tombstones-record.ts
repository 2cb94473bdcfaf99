import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import { RECORD_TOMBSTONES } from './types.ts';

// Records of deletions, which only Prometheus writes; layout in ./format.md.

/** Samples of one series that were deleted; both ends are included. */
export interface DeletionEntry {
  readonly seriesRef: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

const INT64_END = 2 ** 63;

/**
 * Decodes a record of deletions, type byte included. The ends of Go's int64 come as infinities.
 * `ERR_WAL_RECORD` when it makes no sense.
 */
export function decodeTombstonesRecord(record: Uint8Array): DeletionEntry[] {
  const reader = new ByteReader(record);
  const type = reader.u8();
  if (type !== RECORD_TOMBSTONES) {
    throw new CodedError('ERR_WAL_RECORD', 'not a record of deletions', { type });
  }
  const stones: DeletionEntry[] = [];
  while (reader.remaining > 0) {
    const seriesRef = reader.u64();
    const minTimeMs = readTime(reader);
    stones.push({ seriesRef, minTimeMs, maxTimeMs: readTime(reader) });
  }
  return stones;
}

function readTime(reader: ByteReader): number {
  const timeMs = reader.roundedVarint();
  return Math.abs(timeMs) === INT64_END ? Math.sign(timeMs) * Infinity : timeMs;
}
