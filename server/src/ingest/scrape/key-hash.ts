// HalfSipHash-1-3 (Aumasson, Bernstein; 32-bit words), as far as a hash table needs it.

/**
 * A keyed hash of `bytes[start, end)` as an int32. Keyed, since the bytes are an exporter's: without
 * the key nobody can choose series that all fall into one slot.
 */
export function keyedHash(
  bytes: Uint8Array,
  start: number,
  end: number,
  keyLo: number,
  keyHi: number,
): number {
  let v0 = keyLo | 0;
  let v1 = keyHi | 0;
  let v2 = 0x6c796765 ^ keyLo;
  let v3 = 0x74656462 ^ keyHi;
  const words = (end - start) >>> 2;
  for (let round = 0, at = start; round < words + 4; round++) {
    let word = 0;
    if (round < words) {
      word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      at += 4;
    } else if (round === words) {
      word = (end - start) << 24;
      for (let shift = 0; at < end; at++, shift += 8) word |= bytes[at] << shift;
    } else if (round === words + 1) {
      v2 ^= 0xff;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}
