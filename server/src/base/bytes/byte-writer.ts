import { assert } from '../errors.ts';

const encoder = new TextEncoder();
const TWO_32 = 4294967296;

/**
 * A growing buffer. Fixed-size numbers are big-endian unless the name ends in `LE`. One writer is
 * made to be reused: `reset()` keeps the memory.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A writer that begins in the given memory, whatever it holds. */
  static over(memory: ArrayBuffer): ByteWriter {
    const writer = new ByteWriter(0);
    writer.#bytes = new Uint8Array(memory);
    writer.#view = new DataView(memory);
    return writer;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory held, used or not. */
  get capacity(): number {
    return this.#bytes.length;
  }

  reset(): void {
    this.#length = 0;
  }

  /** What was written, as a view that the next write or `reset` invalidates. */
  borrow(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, as a copy. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): void {
    this.reserve(1);
    this.#bytes[this.#length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.#view.setUint16(this.#length, value);
    this.#length += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
  }

  u16LE(value: number): void {
    this.u8(value & 0xff);
    this.u8(value >>> 8);
  }

  u32LE(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** A signed or unsigned 64-bit number in ±(2^53 - 1). */
  i64(value: number): void {
    if (!Number.isSafeInteger(value)) outOfRange('64-bit value', value);
    this.reserve(8);
    this.#view.setInt32(this.#length, Math.floor(value / TWO_32));
    this.#view.setUint32(this.#length + 4, value >>> 0);
    this.#length += 8;
  }

  /** A 64-bit pattern as its halves. */
  u64Halves(hi: number, lo: number): void {
    this.reserve(8);
    this.#view.setInt32(this.#length, hi);
    this.#view.setInt32(this.#length + 4, lo);
    this.#length += 8;
  }

  f64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** Unsigned LEB128, as Go's `binary.PutUvarint`; 0 to 2^53 - 1. */
  uvarint(value: number): void {
    if ((value & 0x7f) === value) {
      this.u8(value);
      return;
    }
    if (!(Number.isSafeInteger(value) && value >= 0)) outOfRange('uvarint', value);
    this.reserve(8);
    while (value > 0x7fffffff) {
      this.#bytes[this.#length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    while (value > 0x7f) {
      this.#bytes[this.#length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#length++] = value;
  }

  /** Zig-zag LEB128, as Go's `binary.PutVarint`; in ±(2^53 - 1). */
  varint(value: number): void {
    if (value >= -64 && value < 64) {
      this.u8((value << 1) ^ (value >> 31));
      return;
    }
    if (value >= -0x40000000 && value < 0x40000000) {
      this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    if (!Number.isSafeInteger(value)) outOfRange('varint', value);
    this.reserve(10);
    let rest = value < 0 ? (-BigInt(value) << 1n) - 1n : BigInt(value) << 1n;
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** UTF-8 text without a length. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.#length += encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** UTF-8 text with its length in front as an unsigned varint. */
  uvarintText(text: string): void {
    if (text.length < 43) {
      // At most 126 bytes: the length takes one byte, known where it goes before the text is read.
      this.reserve(1 + text.length * 3);
      const at = this.#length++;
      // Most texts are ASCII, and calling the encoder costs more than writing them.
      if (!this.#ascii(text)) this.text(text);
      this.#bytes[at] = this.#length - at - 1;
      return;
    }
    const bytes = encoder.encode(text);
    this.uvarint(bytes.length);
    this.raw(bytes);
  }

  /** Memory for at least `sizeBytes` more, for callers that fill it themselves and tell `filled`. */
  room(sizeBytes: number): Uint8Array<ArrayBuffer> {
    this.reserve(sizeBytes);
    return this.#bytes.subarray(this.#length);
  }

  /** Takes the first bytes of what `room` gave as written. */
  filled(sizeBytes: number): void {
    assert(this.#length + sizeBytes <= this.#bytes.length, 'more was filled than there is room');
    this.#length += sizeBytes;
  }

  /** Whether the text is ASCII, and written now. There must be room. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    this.#length = start + text.length;
    return true;
  }

  /** Overwrites four bytes that were written before. */
  patchU32(offset: number, value: number): void {
    assert(offset >= 0 && offset + 4 <= this.#length, `patch at ${offset} is outside`);
    this.#view.setUint32(offset, value);
  }

  /** Makes room for `sizeBytes` more, so that the writes that follow do not grow the buffer. */
  reserve(sizeBytes: number): void {
    const needed = this.#length + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Apart from the checks, so that the text is only made when it is needed. */
function outOfRange(what: string, value: number): void {
  assert(false, `${what} ${value} is out of range`);
}
