import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import {
  CUSTOM_BOUNDS_SCHEMA,
  countBuckets,
  type Histogram,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNT,
  HISTOGRAM_SUM,
  HISTOGRAM_ZERO_COUNT,
  type Span,
} from '../../model/histogram.ts';
import {
  RECORD_CUSTOM_FLOAT_HISTOGRAMS,
  RECORD_CUSTOM_HISTOGRAMS,
  RECORD_FLOAT_HISTOGRAMS,
  RECORD_HISTOGRAMS,
} from './types.ts';

// Records of native histograms, which only Prometheus writes; layout in ./format.md.

const HEADER_BYTES = 17;
/** More than any histogram has; a larger count is damage. */
const BUCKETS_MAX = 64 * 1024;
/** CounterResetHint of Prometheus' gauge histograms. */
const HINT_GAUGE = 3;

export interface HistogramEntry {
  readonly ref: number;
  readonly timeMs: number;
  readonly histogram: Histogram;
}

/** Whether a record of this type holds histograms that we can read. */
export function isHistogramRecord(type: number): boolean {
  return type >= RECORD_HISTOGRAMS && type <= RECORD_CUSTOM_FLOAT_HISTOGRAMS;
}

/** Decodes a record of histograms, type byte included. `ERR_WAL_RECORD` when it makes no sense. */
export function decodeHistograms(record: Uint8Array): HistogramEntry[] {
  const reader = new ByteReader(record);
  const type = reader.u8();
  const isFloat = type === RECORD_FLOAT_HISTOGRAMS || type === RECORD_CUSTOM_FLOAT_HISTOGRAMS;
  if (!isFloat && type !== RECORD_HISTOGRAMS && type !== RECORD_CUSTOM_HISTOGRAMS) {
    throw new CodedError('ERR_WAL_RECORD', 'not a record of histograms', { type });
  }
  const entries: HistogramEntry[] = [];
  // A record without samples is its type byte alone.
  if (reader.remaining === 0) return entries;
  if (record.length < HEADER_BYTES) throw damaged(reader, 'a record that is too short');
  const firstRef = reader.u64();
  const firstTimeMs = reader.i64();
  while (reader.remaining > 0) {
    const ref = firstRef + reader.varint();
    const timeMs = firstTimeMs + reader.varint();
    entries.push({ ref, timeMs, histogram: readHistogram(reader, isFloat) });
  }
  return entries;
}

/** A histogram as records and chunk snapshots hold it. */
export function readHistogram(reader: ByteReader, isFloat: boolean): Histogram {
  const isGauge = reader.u8() === HINT_GAUGE;
  const schema = reader.varint();
  const zeroThreshold = reader.f64();
  const head = new Float64Array(HISTOGRAM_BUCKETS);
  if (isFloat) {
    putBits(reader, head, HISTOGRAM_ZERO_COUNT);
    putBits(reader, head, HISTOGRAM_COUNT);
  } else {
    head[HISTOGRAM_ZERO_COUNT] = reader.uvarint();
    head[HISTOGRAM_COUNT] = reader.uvarint();
  }
  putBits(reader, head, HISTOGRAM_SUM);
  const positiveSpans = readSpans(reader);
  const negativeSpans = readSpans(reader);
  const counts = [countBuckets(positiveSpans), countBuckets(negativeSpans)];
  if (counts[0] + counts[1] > BUCKETS_MAX) throw damaged(reader, 'too many buckets');
  const values = new Float64Array(HISTOGRAM_BUCKETS + counts[0] + counts[1]);
  values.set(head);
  let at = HISTOGRAM_BUCKETS;
  for (const count of counts) {
    if (reader.uvarint() !== count) throw damaged(reader, 'buckets that do not fit their spans');
    for (let i = 0; i < count; i++, at++) {
      if (isFloat) putBits(reader, values, at);
      else values[at] = reader.varint() + (i === 0 ? 0 : values[at - 1]);
    }
  }
  const customBounds: number[] = [];
  if (schema === CUSTOM_BOUNDS_SCHEMA) {
    const count = reader.uvarint();
    if (count > BUCKETS_MAX) throw damaged(reader, 'too many bounds');
    for (let left = count; left > 0; left--) customBounds.push(reader.f64());
  }
  const layout = { schema, zeroThreshold, positiveSpans, negativeSpans, customBounds };
  return { isFloat, isGauge, layout, values };
}

function readSpans(reader: ByteReader): Span[] {
  const spans: Span[] = [];
  const count = reader.uvarint();
  if (count > BUCKETS_MAX) throw damaged(reader, 'too many spans');
  for (let left = count; left > 0; left--) {
    const offset = reader.varint();
    spans.push({ offset, length: reader.uvarint() });
  }
  return spans;
}

/** From memory to memory: a NaN that goes through a variable may lose its bits. */
function putBits(reader: ByteReader, into: Float64Array, index: number): void {
  const bytes = reader.borrow(8);
  const target = new Uint8Array(into.buffer, into.byteOffset + index * 8, 8);
  for (let i = 0; i < 8; i++) target[LITTLE_ENDIAN ? 7 - i : i] = bytes[i];
}

/** Byte order of typed arrays on this machine. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function damaged(reader: ByteReader, reason: string): CodedError {
  return new CodedError('ERR_WAL_RECORD', `a histogram has ${reason}`, { offset: reader.offset });
}
