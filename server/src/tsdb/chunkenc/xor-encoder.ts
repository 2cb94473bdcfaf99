// XOR ("Gorilla") encoding of float samples, byte for byte as Prometheus tsdb/chunkenc/{xor,bstream}.go;
// layout in ./format.md.
//
// The encoder's state lies in typed arrays that the caller owns: one record per open chunk, so that
// a head with a million series keeps none of it in the JavaScript heap and appending allocates
// nothing. Bits go through int32 arithmetic only (`>>> 0` makes V8 deoptimise for ever here).

/** Length of a state record, in doubles (and twice that in int32s). */
export const XOR_STATE_DOUBLES = 5;

/** Fields of a state record: offsets in doubles … */
export const XOR_LAST_TIME = 0;
const TIME_DELTA = 1;
/** … and in int32s. */
export const XOR_VALUE_HI = 4;
export const XOR_VALUE_LO = 5;
const BIT_LENGTH = 6;
export const XOR_SAMPLE_COUNT = 7;
const LEADING = 8;
const TRAILING = 9;

/** The most that a sample takes (4 + 64 bits of time, 2 + 5 + 6 + 64 of value), plus one spare byte. */
export const XOR_SAMPLE_BYTES_MAX = 20;
/** The chunk's header: the number of samples, big-endian. */
export const XOR_HEADER_BYTES = 2;
/** The header counts in 16 bits. */
export const XOR_SAMPLES_MAX = 65535;

const TWO_32 = 4294967296;
const NO_WINDOW = 255;
/** Set in LEADING when the last write ended with a whole byte; see {@link xorLength}. */
const WHOLE_BYTE = 256;

/** Makes the state record at `state` that of an empty chunk. */
export function resetXor(doubles: Float64Array, ints: Int32Array, state: number): void {
  const at = state * 2;
  doubles[state + XOR_LAST_TIME] = 0;
  doubles[state + TIME_DELTA] = 0;
  ints[at + XOR_VALUE_HI] = 0;
  ints[at + XOR_VALUE_LO] = 0;
  ints[at + BIT_LENGTH] = XOR_HEADER_BYTES * 8;
  ints[at + XOR_SAMPLE_COUNT] = 0;
  ints[at + LEADING] = NO_WINDOW;
  ints[at + TRAILING] = 0;
}

/**
 * Length of the chunk in bytes. Prometheus appends an empty byte whenever a whole byte was written
 * up to a byte's edge, and not when single bits were; a chunk that ends there keeps it, so we must.
 */
export function xorLength(ints: Int32Array, state: number): number {
  const bits = ints[state * 2 + BIT_LENGTH];
  if ((bits & 7) !== 0) return (bits >> 3) + 1;
  return (bits >> 3) + ((ints[state * 2 + LEADING] & WHOLE_BYTE) !== 0 ? 1 : 0);
}

/**
 * Adds a sample to the chunk at `bytes[base…]`, whose room must hold {@link XOR_SAMPLE_BYTES_MAX}
 * more bytes than {@link xorLength}. Old contents of the room do not matter. The header is left
 * alone: {@link putXorHeader} writes it when somebody is to read the chunk.
 * @param state where the chunk's record begins in `doubles`
 * @param times the time is `times[index]`: a number that goes from function to function is put on the
 *   heap each time, one in an array is not
 * @param index of a safe integer, greater than that of the sample before
 * @param hi upper half of the value's bits
 * @param lo lower half
 */
export function appendXor(
  doubles: Float64Array,
  ints: Int32Array,
  state: number,
  bytes: Uint8Array,
  base: number,
  times: Float64Array,
  index: number,
  hi: number,
  lo: number,
): void {
  const at = state * 2;
  const timeMs = times[index];
  const count = ints[at + XOR_SAMPLE_COUNT];
  let position = ints[at + BIT_LENGTH];
  if (count > 1) {
    const delta = timeMs - doubles[state + XOR_LAST_TIME];
    const difference = delta - doubles[state + TIME_DELTA];
    doubles[state + XOR_LAST_TIME] = timeMs;
    if (difference === 0) {
      if (hi === ints[at + XOR_VALUE_HI] && lo === ints[at + XOR_VALUE_LO]) {
        appendUnchanged(ints, at, bytes, base);
        return;
      }
      if ((position & 7) === 0) bytes[base + (position >> 3)] = 0;
      position++;
    } else {
      doubles[state + TIME_DELTA] = delta;
      const small = difference | 0;
      position =
        small === difference
          ? writeSmallDifference(bytes, base, position, small)
          : writeWideDifference(bytes, base, position, difference);
    }
    position = writeValue(ints, at, bytes, base, position, hi, lo);
  } else if (count === 1) {
    const delta = timeMs - doubles[state + XOR_LAST_TIME];
    position = writeUvarint(bytes, base, position, delta);
    doubles[state + TIME_DELTA] = delta;
    position = writeValue(ints, at, bytes, base, position, hi, lo);
  } else {
    position = writeVarint(bytes, base, position, timeMs);
    position = writeBits(bytes, base, position, hi, 32);
    position = writeBits(bytes, base, position, lo, 32);
    ints[at + LEADING] = NO_WINDOW | WHOLE_BYTE;
  }
  // The empty byte behind a whole one must be empty even in memory that was used before.
  if ((position & 7) === 0) bytes[base + (position >> 3)] = 0;
  doubles[state + XOR_LAST_TIME] = timeMs;
  ints[at + XOR_VALUE_HI] = hi;
  ints[at + XOR_VALUE_LO] = lo;
  ints[at + BIT_LENGTH] = position;
  ints[at + XOR_SAMPLE_COUNT] = count + 1;
}

/**
 * Most samples repeat interval and value and take two zero bits. In a byte that was begun before
 * they are zero already, so that mostly not even the chunk's memory is touched.
 */
function appendUnchanged(ints: Int32Array, at: number, bytes: Uint8Array, base: number): void {
  const before = ints[at + BIT_LENGTH];
  const position = before + 2;
  if ((before & 7) === 0) bytes[base + (before >> 3)] = 0;
  else if ((position & 7) < 2) bytes[base + (position >> 3)] = 0;
  ints[at + BIT_LENGTH] = position;
  ints[at + XOR_SAMPLE_COUNT]++;
  ints[at + LEADING] &= ~WHOLE_BYTE;
}

/** Writes the chunk's header: its number of samples. */
export function putXorHeader(
  ints: Int32Array,
  state: number,
  bytes: Uint8Array,
  base: number,
): void {
  const count = ints[state * 2 + XOR_SAMPLE_COUNT];
  bytes[base] = count >> 8;
  bytes[base + 1] = count;
}

/** @param difference an int32 that is not 0 */
function writeSmallDifference(
  bytes: Uint8Array,
  base: number,
  position: number,
  difference: number,
): number {
  if (difference >= -8191 && difference <= 8192) {
    return writeBits(bytes, base, position, (0b10 << 14) | (difference & 0x3fff), 16);
  }
  if (difference >= -65535 && difference <= 65536) {
    return writeBits(bytes, base, position, (0b110 << 17) | (difference & 0x1ffff), 20);
  }
  if (difference >= -524287 && difference <= 524288) {
    return writeBits(bytes, base, position, (0b1110 << 20) | (difference & 0xfffff), 24);
  }
  return writeWideDifference(bytes, base, position, difference);
}

function writeWideDifference(
  bytes: Uint8Array,
  base: number,
  position: number,
  difference: number,
): number {
  const next = writeBits(bytes, base, position, 0b1111, 4);
  const middle = writeBits(bytes, base, next, Math.floor(difference / TWO_32) | 0, 32);
  return writeBits(bytes, base, middle, difference | 0, 32);
}

function writeValue(
  ints: Int32Array,
  at: number,
  bytes: Uint8Array,
  base: number,
  position: number,
  hi: number,
  lo: number,
): number {
  const deltaHi = hi ^ ints[at + XOR_VALUE_HI];
  const deltaLo = lo ^ ints[at + XOR_VALUE_LO];
  let leading = ints[at + LEADING] & 0xff;
  if ((deltaHi | deltaLo) === 0) {
    ints[at + LEADING] = leading;
    return writeBits(bytes, base, position, 0, 1);
  }
  let newLeading = deltaHi !== 0 ? Math.clz32(deltaHi) : 32 + Math.clz32(deltaLo);
  // The field has five bits.
  if (newLeading > 31) newLeading = 31;
  const newTrailing =
    deltaLo !== 0 ? 31 - Math.clz32(deltaLo & -deltaLo) : 63 - Math.clz32(deltaHi & -deltaHi);
  let trailing = ints[at + TRAILING];
  let next: number;
  if (leading !== NO_WINDOW && newLeading >= leading && newTrailing >= trailing) {
    next = writeBits(bytes, base, position, 0b10, 2);
  } else {
    leading = newLeading;
    trailing = newTrailing;
    ints[at + TRAILING] = trailing;
    // 64 significant bits do not fit the six bits and are written as 0.
    const window = (0b11 << 11) | (leading << 6) | ((64 - leading - trailing) & 63);
    next = writeBits(bytes, base, position, window, 13);
  }
  const significant = 64 - leading - trailing;
  ints[at + LEADING] = (significant & 7) === 0 ? leading | WHOLE_BYTE : leading;
  if (trailing >= 32) {
    const high = trailing === 32 ? deltaHi : deltaHi >>> (trailing - 32);
    return writeBits(bytes, base, next, high, significant);
  }
  const low = trailing === 0 ? deltaLo : (deltaLo >>> trailing) | (deltaHi << (32 - trailing));
  if (significant <= 32) {
    const mask = significant === 32 ? -1 : (1 << significant) - 1;
    return writeBits(bytes, base, next, low & mask, significant);
  }
  // With trailing 0 the shift leaves the sign bit, but then all 32 bits are written anyway.
  const high = trailing === 0 ? deltaHi : deltaHi >>> trailing;
  return writeBits(bytes, base, writeBits(bytes, base, next, high, significant - 32), low, 32);
}

/** Zig-zag LEB128 of a safe integer. The doubled value may not be one, so halves are used. */
function writeVarint(bytes: Uint8Array, base: number, position: number, value: number): number {
  const magnitude = value < 0 ? -value - 1 : value;
  const low = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
  const rest = Math.floor(magnitude / 64);
  if (rest === 0) return writeBits(bytes, base, position, low, 8);
  return writeUvarint(bytes, base, writeBits(bytes, base, position, low | 0x80, 8), rest);
}

function writeUvarint(bytes: Uint8Array, base: number, position: number, value: number): number {
  let rest = value;
  let next = position;
  while (rest >= 128) {
    next = writeBits(bytes, base, next, (rest % 128) | 0x80, 8);
    rest = Math.floor(rest / 128);
  }
  return writeBits(bytes, base, next, rest, 8);
}

/** Writes the lowest `count` (1 to 32) bits of `value`; its higher bits must be zero. */
function writeBits(
  bytes: Uint8Array,
  base: number,
  position: number,
  value: number,
  count: number,
): number {
  let at = base + (position >> 3);
  let left = count;
  const used = position & 7;
  const total = used + count;
  if (count > 8 && total <= 32) {
    // As one word; what it writes behind the bits is room that nobody uses yet.
    const before = used === 0 ? 0 : bytes[at] << 24;
    const word = before | (value << (32 - total));
    bytes[at] = word >> 24;
    bytes[at + 1] = word >> 16;
    bytes[at + 2] = word >> 8;
    bytes[at + 3] = word;
    return position + count;
  }
  if (used !== 0) {
    const free = 8 - used;
    if (left <= free) {
      bytes[at] |= value << (free - left);
      return position + count;
    }
    left -= free;
    bytes[at++] |= value >>> left;
  }
  // A byte is assigned when it is begun, so that old contents do not shine through.
  while (left >= 8) {
    left -= 8;
    bytes[at++] = value >> left;
  }
  if (left > 0) bytes[at] = value << (8 - left);
  return position + count;
}
