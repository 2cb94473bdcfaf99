import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import type { SampleColumns } from './sample-columns.ts';
import { RECORD_SAMPLES } from './types.ts';

// Sample records: (reference, time, value) as differences from the first; layout in ./format.md.

const HEADER_BYTES = 17;
const VALUE_BYTES = 8;
/** A byte of reference, one of time, and the value. */
const SAMPLE_BYTES_MIN = 10;

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

/** Two varints of three bytes each, and the value. */
const NEAR_SAMPLE_BYTES = 6 + VALUE_BYTES;
/** Zig-zag numbers of three bytes: first scrapes side by side leave a target references far apart. */
const NEAR_MAX = 2 ** 20 - 1;

/**
 * Puts the samples `[from, to)` of a record that began with `firstRef` and `firstTimeMs`; the same as
 * {@link putSample} for each, several times as fast.
 */
export function putSamples(
  into: ByteWriter,
  samples: SampleColumns,
  from: number,
  to: number,
  firstRef: number,
  firstTimeMs: number,
): void {
  const { refs, times, valuesHi, valuesLo } = samples;
  for (let i = from; i < to;) {
    const bytes = into.room((to - i) * NEAR_SAMPLE_BYTES);
    let at = 0;
    for (; i < to; i++) {
      const ref = refs[i] - firstRef;
      const time = times[i] - firstTimeMs;
      if (ref > NEAR_MAX || ref < -NEAR_MAX || time > NEAR_MAX || time < -NEAR_MAX) break;
      at = putNear(bytes, putNear(bytes, at, ref), time);
      at = putWord(bytes, putWord(bytes, at, valuesHi[i]), valuesLo[i]);
    }
    into.filled(at);
    // One that is far away takes the long way, and the others go on behind it.
    if (i === to) return;
    putSample(into, refs[i] - firstRef, times[i] - firstTimeMs, valuesHi[i], valuesLo[i]);
    i++;
  }
}

function putNear(bytes: Uint8Array, at: number, value: number): number {
  const zigZag = (value << 1) ^ (value >> 31);
  if (zigZag < 0x80) {
    bytes[at] = zigZag;
    return at + 1;
  }
  bytes[at] = zigZag | 0x80;
  if (zigZag < 0x4000) {
    bytes[at + 1] = zigZag >> 7;
    return at + 2;
  }
  bytes[at + 1] = (zigZag >> 7) | 0x80;
  bytes[at + 2] = zigZag >> 14;
  return at + 3;
}

function putWord(bytes: Uint8Array, at: number, word: number): number {
  bytes[at] = word >> 24;
  bytes[at + 1] = word >> 16;
  bytes[at + 2] = word >> 8;
  bytes[at + 3] = word;
  return at + 4;
}

/** No record of this length holds more samples. */
export function samplesAtMost(record: Uint8Array): number {
  return Math.ceil(Math.max(0, record.length - HEADER_BYTES) / SAMPLE_BYTES_MIN);
}

/**
 * Decodes a samples record, type byte included, behind what the columns hold. `ERR_WAL_RECORD` when
 * it makes no sense; what came before is in the columns then.
 */
export function readSamples(record: Uint8Array, into: SampleColumns): void {
  const reader = new ByteReader(record);
  if (reader.u8() !== RECORD_SAMPLES) {
    throw new CodedError('ERR_WAL_RECORD', 'not a samples record', { type: record[0] });
  }
  // A record without samples is its type byte alone.
  if (reader.remaining === 0) return;
  if (record.length < HEADER_BYTES) {
    throw new CodedError('ERR_WAL_RECORD', 'a samples record is too short', {
      foundBytes: record.length,
    });
  }
  const firstRef = reader.u64();
  const firstTimeMs = reader.i64();
  into.reserve(into.count + samplesAtMost(record));
  const { refs, times, valuesHi, valuesLo } = into;
  const end = record.length;
  let { count } = into;
  for (let at = reader.offset; at < end; at += VALUE_BYTES) {
    // Neighbours of a scrape differ by little in reference and not at all in time.
    const refByte = record[at];
    const timeByte = record[at + 1];
    if ((refByte | timeByte) < 128 && at + 2 + VALUE_BYTES <= end) {
      refs[count] = firstRef + ((refByte >> 1) ^ -(refByte & 1));
      times[count] = firstTimeMs + ((timeByte >> 1) ^ -(timeByte & 1));
      at += 2;
    } else {
      reader.offset = at;
      refs[count] = firstRef + reader.varint();
      times[count] = firstTimeMs + reader.varint();
      at = reader.offset;
      if (at + VALUE_BYTES > end) {
        throw new CodedError('ERR_WAL_RECORD', 'a samples record ends too early', { offset: at });
      }
    }
    valuesHi[count] =
      (record[at] << 24) | (record[at + 1] << 16) | (record[at + 2] << 8) | record[at + 3];
    valuesLo[count] =
      (record[at + 4] << 24) | (record[at + 5] << 16) | (record[at + 6] << 8) | record[at + 7];
    into.count = ++count;
  }
}
