import {
  CUSTOM_BOUNDS_SCHEMA,
  countBuckets,
  type Histogram,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_COUNT,
  HISTOGRAM_SUM,
  HISTOGRAM_ZERO_COUNT,
  type HistogramLayout,
  type Span,
} from '../model/histogram.ts';
import { formatFloat } from './go-format.ts';

/** A histogram as `Histogram.String` and `FloatHistogram.String` of Prometheus. */
export function formatHistogram({ isFloat, layout, values }: Histogram): string {
  const number = (value: number): string => (isFloat ? formatFloat(value) : String(value));
  const parts = [
    `count:${number(values[HISTOGRAM_COUNT])}`,
    `sum:${formatFloat(values[HISTOGRAM_SUM])}`,
  ];
  const negatives = HISTOGRAM_BUCKETS + countBuckets(layout.positiveSpans);
  const below: string[] = [];
  eachBucket(layout.negativeSpans, (index, i) => {
    const count = values[negatives + i];
    if (count === 0) return;
    const [lower, upper] = [-boundOf(layout, index), -boundOf(layout, index - 1)];
    below.push(`[${formatFloat(lower)},${formatFloat(upper)}):${number(count)}`);
  });
  parts.push(...below.reverse());
  if (values[HISTOGRAM_ZERO_COUNT] !== 0) {
    const end = formatFloat(layout.zeroThreshold);
    const start = formatFloat(-layout.zeroThreshold);
    parts.push(`[${start},${end}]:${number(values[HISTOGRAM_ZERO_COUNT])}`);
  }
  eachBucket(layout.positiveSpans, (index, i) => {
    const count = values[HISTOGRAM_BUCKETS + i];
    if (count === 0) return;
    const [lower, upper] = [boundOf(layout, index - 1), boundOf(layout, index)];
    const isOpen = layout.schema !== CUSTOM_BOUNDS_SCHEMA || index !== 0;
    parts.push(
      `${isOpen ? '(' : '['}${formatFloat(lower)},${formatFloat(upper)}]:${number(count)}`,
    );
  });
  return `{${parts.join(', ')}}`;
}

function eachBucket(spans: readonly Span[], use: (index: number, i: number) => void): void {
  let index = 0;
  let i = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let left = length; left > 0; left--) use(index++, i++);
  }
}

/** Upper bound of the bucket with this index. */
function boundOf({ schema, customBounds }: HistogramLayout, index: number): number {
  if (schema === CUSTOM_BOUNDS_SCHEMA) {
    return index < 0 ? -Infinity : (customBounds[index] ?? Infinity);
  }
  const perDouble = 2 ** schema;
  const doubles = Math.floor(index / perDouble);
  // The last bucket of ordinary numbers ends at the largest of them.
  if (index / perDouble === MAX_EXPONENT) return Number.MAX_VALUE;
  const rest = index - doubles * perDouble;
  return schema <= 0 ? 2 ** doubles : powerOfTwo(rest, schema) * 2 ** doubles;
}

const MAX_EXPONENT = 1024;
/** Bits behind the point: twice those of a double, so that one rounding is the right one. */
const PRECISION = 128n;
const ONE = 1n << PRECISION;

/** 2^(numerator / 2^schema), correctly rounded, for 0 <= numerator < 2^schema. */
function powerOfTwo(numerator: number, schema: number): number {
  let power = ONE;
  let root = 2n * ONE;
  for (let bit = schema - 1; bit >= 0; bit--) {
    root = squareRoot(root << PRECISION);
    if (Math.floor(numerator / 2 ** bit) % 2 === 1) power = (power * root) >> PRECISION;
  }
  return Number(power) / Number(ONE);
}

/** Newton's way. */
function squareRoot(square: bigint): bigint {
  let root = 1n << BigInt((square.toString(2).length >> 1) + 1);
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
