import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import { RECORD_SAMPLES } from './types.ts';

// Sample records: (reference, time, value) as differences from the first; layout in ./format.md.

const HEADER_BYTES = 17;
const VALUE_BYTES = 8;

/** Starts a record; its first sample is put like all others. */
export function beginSamplesRecord(into: ByteWriter, firstRef: number, firstTimeMs: number): void {
  into.u8(RECORD_SAMPLES);
  into.i64(firstRef);
  into.i64(firstTimeMs);
}

/** @param hi, lo the halves of the value's bits, as int32 or uint32 */
export function putSample(
  into: ByteWriter,
  refDelta: number,
  timeDeltaMs: number,
  hi: number,
  lo: number,
): void {
  into.varint(refDelta);
  into.varint(timeDeltaMs);
  into.u64Halves(hi, lo);
}

/** Reads a samples record: `next()`, then the fields; no object per sample. */
export class SamplesReader {
  ref = 0;
  timeMs = 0;
  valueHi = 0;
  valueLo = 0;
  #reader = new ByteReader(new Uint8Array(0));
  #firstRef = 0;
  #firstTimeMs = 0;

  /** @param record with its type byte */
  reset(record: Uint8Array): this {
    this.#reader = new ByteReader(record);
    if (this.#reader.u8() !== RECORD_SAMPLES) {
      throw new CodedError('ERR_WAL_RECORD', 'not a samples record', { type: record[0] });
    }
    // A record without samples is its type byte alone.
    if (this.#reader.remaining > 0 && record.length < HEADER_BYTES) {
      throw new CodedError('ERR_WAL_RECORD', 'a samples record is too short', {
        foundBytes: record.length,
      });
    }
    if (this.#reader.remaining > 0) {
      this.#firstRef = this.#reader.u64();
      this.#firstTimeMs = this.#reader.i64();
    }
    return this;
  }

  next(): boolean {
    const reader = this.#reader;
    const bytes = reader.bytes;
    let at = reader.offset;
    if (at === reader.end) return false;
    // Neighbours of a scrape differ by one in reference and not at all in time: a byte each.
    const refByte = bytes[at];
    const timeByte = bytes[at + 1];
    if ((refByte | timeByte) < 128 && at + 2 + VALUE_BYTES <= reader.end) {
      this.ref = this.#firstRef + ((refByte >> 1) ^ -(refByte & 1));
      this.timeMs = this.#firstTimeMs + ((timeByte >> 1) ^ -(timeByte & 1));
      at += 2;
    } else {
      this.ref = this.#firstRef + reader.varint();
      this.timeMs = this.#firstTimeMs + reader.varint();
      at = reader.offset;
      if (at + VALUE_BYTES > reader.end) {
        throw new CodedError('ERR_WAL_RECORD', 'a samples record ends too early', { offset: at });
      }
    }
    this.valueHi = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    this.valueLo =
      (bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7];
    reader.offset = at + VALUE_BYTES;
    return true;
  }
}
