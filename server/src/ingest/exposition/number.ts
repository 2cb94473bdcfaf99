// Numbers as Go's strconv reads them, which is what exporters are written against.

import { EXACT_DIGITS, parseDecimal } from './decimal.ts';

const ZERO = 48;
const DOT = 46;
const PLUS = 43;
const MINUS = 45;

/**
 * The number in `bytes[start, end)`, or undefined when Prometheus would refuse it: hexadecimal,
 * underscores, a signed NaN, and what overflows to infinity.
 */
export function parseGoFloat(bytes: Uint8Array, start: number, end: number): number | undefined {
  const decimal = parseDecimal(bytes, start, end);
  if (decimal !== undefined) return decimal;
  let at = start;
  if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
  if (at === end) return undefined;
  const first = bytes[at] | 0x20;
  if (first === 0x69) {
    if (!equalsWord(bytes, at, end, 'inf') && !equalsWord(bytes, at, end, 'infinity')) {
      return undefined;
    }
    return bytes[start] === MINUS ? -Infinity : Infinity;
  }
  if (first === 0x6e) return at === start && equalsWord(bytes, at, end, 'nan') ? NaN : undefined;
  if (!isDecimal(bytes, at, end)) return undefined;
  const value = Number(asciiText(bytes, start, end));
  return Number.isFinite(value) ? value : undefined;
}

/** Whether `bytes[start, end)` is `word` (lower case) without regard to case. */
function equalsWord(bytes: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if ((bytes[start + i] | 0x20) !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** `digits[.digits][e[sign]digits]` with at least one digit before the exponent and in it. */
function isDecimal(bytes: Uint8Array, start: number, end: number): boolean {
  let at = skipDigits(bytes, start, end);
  let digits = at - start;
  if (at < end && bytes[at] === DOT) {
    const fraction = at + 1;
    at = skipDigits(bytes, fraction, end);
    digits += at - fraction;
  }
  if (digits === 0) return false;
  if (at === end) return true;
  if ((bytes[at] | 0x20) !== 0x65) return false;
  at++;
  if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
  return at < end && skipDigits(bytes, at, end) === end;
}

function skipDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] >= ZERO && bytes[at] <= ZERO + 9) at++;
  return at;
}

function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

/**
 * Milliseconds from the digits in `bytes[start, end)`; undefined above the 64 bits that Prometheus
 * takes. What does not fit 53 bits becomes the largest safe integer: either is beyond any storage.
 */
export function parseTimestamp(bytes: Uint8Array, start: number, end: number): number | undefined {
  while (start < end - 1 && bytes[start] === ZERO) start++;
  if (end - start <= EXACT_DIGITS) {
    let value = 0;
    for (let at = start; at < end; at++) value = value * 10 + (bytes[at] - ZERO);
    return value;
  }
  if (end - start > 19) return undefined;
  const value = BigInt(asciiText(bytes, start, end));
  if (value > 0x7fffffffffffffffn) return undefined;
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
