import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { HEADER_BYTES, PROTOCOL_VERSION, TYPE_DATA } from './frame.ts';

/** Appends a header without payload: window update, ping or go-away. */
export function writeHeader(
  out: ByteWriter,
  type: number,
  flags: number,
  streamId: number,
  length: number,
): void {
  out.reserve(HEADER_BYTES);
  // Version, type and flags as one number: they are the first 32 bits.
  out.u32(((PROTOCOL_VERSION << 24) | (type << 16) | flags) >>> 0);
  out.u32(streamId);
  out.u32(length);
}

/** Appends a data frame: header and payload end up in one piece of memory and one write. */
export function writeData(out: ByteWriter, streamId: number, payload: Uint8Array): void {
  out.reserve(HEADER_BYTES + payload.length);
  writeHeader(out, TYPE_DATA, 0, streamId, payload.length);
  out.raw(payload);
}
