// Decimal text to the nearest double without making a string of it, which costs ten times as much.
// Exporters write numbers of 16 and 17 digits (sums of seconds) and, from a million on, exponents.

const ZERO = 48;
const DOT = 46;
const PLUS = 43;
const MINUS = 45;

/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const POWER_MAX = 22;

/** So many digits fit a double exactly: 10^15 < 2^53. */
export const EXACT_DIGITS = 15;
/** Two more digits need two doubles; no shortest form of a double has more. */
const DIGITS_MAX = 17;
const EXPONENT_MAX = 400;

/** Splits a double into halves of 26 bits (Veltkamp). */
const SPLITTER = 2 ** 27 + 1;
/** Far above the relative error of the second part of a quotient, 2^-51. */
const DOUBT = 2 ** -46;

/** `mantissa / 10^places`, correctly rounded when the mantissa has at most {@link EXACT_DIGITS}. */
export function scaleDown(mantissa: number, places: number): number {
  return mantissa / POWERS[places];
}

/**
 * The number `[sign]digits[.digits][e[sign]digits]` in `bytes[start, end)`, correctly rounded.
 * undefined when the text is anything else, or a number that takes more than is done here.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
  let head = 0;
  let tail = 0;
  let significant = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit >= 0 && digit <= 9) {
      digits++;
      if (significant === 0 && digit === 0) continue;
      if (++significant <= EXACT_DIGITS) head = head * 10 + digit;
      else if (significant <= DIGITS_MAX) tail = tail * 10 + digit;
      else return undefined;
    } else if (bytes[at] === DOT && point < 0) {
      point = at;
    } else {
      break;
    }
  }
  if (digits === 0) return undefined;
  let exponent = point < 0 ? 0 : point + 1 - at;
  if (at < end) {
    const written = parseExponent(bytes, at, end);
    if (written === undefined) return undefined;
    exponent += written;
  }
  const magnitude = scaled(head, tail, Math.max(0, significant - EXACT_DIGITS), exponent);
  return bytes[start] === MINUS && magnitude !== undefined ? -magnitude : magnitude;
}

function parseExponent(bytes: Uint8Array, start: number, end: number): number | undefined {
  if ((bytes[start] | 0x20) !== 0x65) return undefined;
  let at = start + 1;
  const isNegative = bytes[at] === MINUS;
  if (at < end && (isNegative || bytes[at] === PLUS)) at++;
  if (at >= end) return undefined;
  let exponent = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    exponent = exponent * 10 + digit;
    if (exponent > EXPONENT_MAX) return undefined;
  }
  return isNegative ? -exponent : exponent;
}

/** `(head * 10^places + tail) * 10^exponent`, or undefined when it is not sure how to round. */
function scaled(head: number, tail: number, places: number, exponent: number): number | undefined {
  if (head === 0) return 0;
  if (exponent < -POWER_MAX || exponent > POWER_MAX) return undefined;
  const mantissa = head * POWERS[places] + tail;
  // One rounding of exact operands is the correct one (Clinger).
  if (mantissa <= Number.MAX_SAFE_INTEGER) {
    return exponent < 0 ? mantissa / POWERS[-exponent] : mantissa * POWERS[exponent];
  }
  return exponent > 0 ? undefined : dividedExactly(head, tail, POWERS[places], POWERS[-exponent]);
}

/**
 * `(head * factor + tail) / divisor` by arithmetic on pairs of doubles, whose sum is the number
 * (Dekker). undefined when the quotient is too near the middle of two doubles to tell.
 */
function dividedExactly(
  head: number,
  tail: number,
  factor: number,
  divisor: number,
): number | undefined {
  const low = head % 2 ** 26;
  const product = head * factor;
  // The upper part of `head` times `factor` is exact, and so is everything smaller.
  const rest = low * factor - (product - (head - low) * factor) + tail;
  const sum = product + rest;
  const sumLow = rest - (sum - product);
  const quotient = sum / divisor;
  const back = quotient * divisor;
  const remainder = sum - back - productError(quotient, divisor, back) + sumLow;
  const quotientLow = remainder / divisor;
  const rounded = quotient + quotientLow * (1 + DOUBT);
  return rounded === quotient + quotientLow * (1 - DOUBT) ? rounded : undefined;
}

/** `a * b - product`, where `product` is the rounded `a * b`. */
function productError(a: number, b: number, product: number): number {
  const aHigh = a * SPLITTER - (a * SPLITTER - a);
  const aLow = a - aHigh;
  const bHigh = b * SPLITTER - (b * SPLITTER - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
