import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';

// Mirrors Prometheus tsdb/tombstones/tombstones.go; layout in ./format.md.

export const TOMBSTONES_FILE = 'tombstones';
const MAGIC = 0x0130ba30;
const VERSION = 1;
const HEADER_BYTES = 5;
const CRC_BYTES = 4;

/** Samples of one series that were deleted; both ends are included. */
export interface Tombstone {
  readonly seriesRef: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

export function encodeTombstones(stones: readonly Tombstone[]): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u32(MAGIC);
  out.u8(VERSION);
  putStones(out, stones);
  // Unlike all other sections this one counts only what follows the header.
  out.u32(crc32c(out.borrow(), HEADER_BYTES, out.length));
  return out.copy();
}

/** @param path appears in errors */
export function decodeTombstones(bytes: Uint8Array, path: string): Tombstone[] {
  return readStones(openTombstones(bytes, path));
}

/**
 * A reader over the list, after a look at header and checksum.
 * @param path appears in errors
 */
export function openTombstones(bytes: Uint8Array, path: string): ByteReader {
  if (bytes.length < HEADER_BYTES + CRC_BYTES) {
    throw new CodedError('ERR_TOMBSTONES', 'a tombstones file is too short', { path });
  }
  const reader = new ByteReader(bytes, 0, bytes.length - CRC_BYTES);
  const magic = reader.u32();
  const version = reader.u8();
  if (magic !== MAGIC || version !== VERSION) {
    throw new CodedError('ERR_TOMBSTONES', 'not a tombstones file of version 1', {
      path,
      foundMagic: magic.toString(16),
      foundVersion: version,
    });
  }
  const expected = new ByteReader(bytes, bytes.length - CRC_BYTES).u32();
  if (crc32c(bytes, HEADER_BYTES, bytes.length - CRC_BYTES) !== expected) {
    throw new CodedError('ERR_CRC', 'the checksum of the tombstones does not match', { path });
  }
  return reader;
}

/** The list as a chunk snapshot holds it: with its version, without a checksum of its own. */
export function encodeStoneList(stones: readonly Tombstone[]): Uint8Array {
  const out = new ByteWriter();
  out.u8(VERSION);
  putStones(out, stones);
  return out.borrow();
}

export function decodeStoneList(bytes: Uint8Array): Tombstone[] {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) {
    throw new CodedError('ERR_TOMBSTONES', 'not a list of tombstones of version 1', {
      foundVersion: version,
    });
  }
  return readStones(reader);
}

function putStones(out: ByteWriter, stones: readonly Tombstone[]): void {
  for (const { seriesRef, minTimeMs, maxTimeMs } of stones) {
    out.uvarint(seriesRef);
    out.varint(minTimeMs);
    out.varint(maxTimeMs);
  }
}

function readStones(reader: ByteReader): Tombstone[] {
  const stones: Tombstone[] = [];
  while (reader.remaining > 0) {
    stones.push({
      seriesRef: reader.uvarint(),
      minTimeMs: reader.varint(),
      maxTimeMs: reader.varint(),
    });
  }
  return stones;
}
