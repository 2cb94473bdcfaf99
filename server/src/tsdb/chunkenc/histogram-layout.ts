import {
  CUSTOM_BOUNDS_SCHEMA,
  countBuckets,
  type HistogramLayout,
  type Span,
} from '../../model/histogram.ts';
import type { BitReader } from './bit-reader.ts';
import type { BitWriter } from './bit-writer.ts';

// What a histogram chunk says once, in front of its samples; format in ./format.md. Mirrors
// Prometheus tsdb/chunkenc/histogram_meta.go.

/** More buckets than any histogram has; a larger count is damage. */
const BUCKETS_MAX = 64 * 1024;
/** Exponents of thresholds that are powers of two and take a byte. */
const EXPONENT_MIN = -243;
const EXPONENT_MAX = 10;
/** Bounds of custom buckets are kept in thousandths up to here. */
const THOUSANDTHS_MAX = 33_554_430;

const float = new DataView(new ArrayBuffer(8));

export function readLayout(reader: BitReader): HistogramLayout {
  const zeroThreshold = readZeroThreshold(reader);
  const schema = reader.varbitInt();
  const positiveSpans = readSpans(reader);
  const negativeSpans = readSpans(reader);
  const customBounds = schema === CUSTOM_BOUNDS_SCHEMA ? readCustomBounds(reader) : [];
  if (countBuckets(positiveSpans) + countBuckets(negativeSpans) > BUCKETS_MAX) {
    throw reader.corrupt('it has too many buckets');
  }
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customBounds };
}

export function putLayout(writer: BitWriter, layout: HistogramLayout): void {
  putZeroThreshold(writer, layout.zeroThreshold);
  writer.varbitInt(layout.schema);
  for (const spans of [layout.positiveSpans, layout.negativeSpans]) {
    writer.varbitUint(spans.length);
    for (const { length, offset } of spans) {
      writer.varbitUint(length);
      writer.varbitInt(offset);
    }
  }
  if (layout.schema !== CUSTOM_BOUNDS_SCHEMA) return;
  writer.varbitUint(layout.customBounds.length);
  for (const bound of layout.customBounds) putCustomBound(writer, bound);
}

function readSpans(reader: BitReader): Span[] {
  const spans: Span[] = [];
  const count = reader.varbitUint();
  if (count > BUCKETS_MAX) throw reader.corrupt('it has too many spans');
  for (let left = count; left > 0; left--) {
    const length = reader.varbitUint();
    spans.push({ length, offset: reader.varbitInt() });
  }
  return spans;
}

function readZeroThreshold(reader: BitReader): number {
  const byte = reader.bits(8);
  if (byte === 0) return 0;
  return byte === 0xff ? readFloat(reader) : 2 ** (byte - 1 + EXPONENT_MIN);
}

function putZeroThreshold(writer: BitWriter, threshold: number): void {
  const exponent = Math.round(Math.log2(threshold));
  if (threshold === 0) {
    writer.bits(0, 8);
  } else if (2 ** exponent === threshold && exponent >= EXPONENT_MIN && exponent <= EXPONENT_MAX) {
    writer.bits(exponent - EXPONENT_MIN + 1, 8);
  } else {
    writer.bits(0xff, 8);
    putFloat(writer, threshold);
  }
}

function readCustomBounds(reader: BitReader): number[] {
  const bounds: number[] = [];
  const count = reader.varbitUint();
  if (count > BUCKETS_MAX) throw reader.corrupt('it has too many bounds');
  for (let left = count; left > 0; left--) {
    const thousandths = reader.varbitUint();
    bounds.push(thousandths === 0 ? readFloat(reader) : (thousandths - 1) / 1000);
  }
  return bounds;
}

function putCustomBound(writer: BitWriter, bound: number): void {
  const thousandths = bound * 1000;
  const isWhole = Math.round(thousandths) / 1000 === bound;
  if (thousandths >= 0 && thousandths <= THOUSANDTHS_MAX && isWhole) {
    writer.varbitUint(Math.round(thousandths) + 1);
    return;
  }
  writer.bit(0);
  putFloat(writer, bound);
}

function readFloat(reader: BitReader): number {
  float.setInt32(0, reader.bits(32));
  float.setInt32(4, reader.bits(32));
  return float.getFloat64(0);
}

function putFloat(writer: BitWriter, value: number): void {
  float.setFloat64(0, value);
  writer.bits64(float.getInt32(0), float.getInt32(4));
}
