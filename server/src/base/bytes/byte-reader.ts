import { copyBytes } from './copy-bytes.ts';
import { CodedError } from '../errors.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const TWO_32 = 4294967296;

/**
 * A cursor over bytes. Fixed-size numbers are big-endian unless the name ends in `LE`. Every read
 * checks bounds and throws `ERR_SHORT_READ` with the offset; nothing is ever invented.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;
  readonly #view: DataView;

  /** Reads `bytes[start, end)`; offsets are those of `bytes`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(): number {
    return this.bytes[this.#take(1)];
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u32LE(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** An unsigned 64-bit number; throws `ERR_NUMBER_RANGE` above 2^53 - 1. */
  u64(): number {
    const at = this.#take(8);
    return this.#safe(this.#view.getUint32(at) * TWO_32 + this.#view.getUint32(at + 4), at);
  }

  /** A signed 64-bit number; throws `ERR_NUMBER_RANGE` outside ±(2^53 - 1). */
  i64(): number {
    const at = this.#take(8);
    return this.#safe(this.#view.getInt32(at) * TWO_32 + this.#view.getUint32(at + 4), at);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** An unsigned LEB128 number, as Go's `binary.Uvarint`; at most 2^53 - 1. */
  uvarint(): number {
    const start = this.offset;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return this.#safe(value, start);
      scale *= 128;
    }
    throw new CodedError('ERR_VARINT', 'a varint is longer than ten bytes', { offset: start });
  }

  /** A signed zig-zag number, as Go's `binary.Varint`; in ±(2^53 - 1). */
  varint(): number {
    const start = this.offset;
    return this.#safe(this.roundedVarint(), start);
  }

  /** The same for any int64: beyond ±(2^53 - 1) the nearest number that a double holds. */
  roundedVarint(): number {
    const start = this.offset;
    let low = 0;
    let value = 0n;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      if (count < 4) {
        low |= (byte & 0x7f) << (count * 7);
        if (byte < 0x80) return low & 1 ? -(low >>> 1) - 1 : low >>> 1;
        if (count === 3) value = BigInt(low);
      } else {
        value |= BigInt(byte & 0x7f) << BigInt(count * 7);
        if (byte < 0x80) {
          return Number(value & 1n ? -(value >> 1n) - 1n : value >> 1n);
        }
      }
    }
    throw new CodedError('ERR_VARINT', 'a varint is longer than ten bytes', { offset: start });
  }

  /** A view of the next `length` bytes; it shares memory with the input. */
  borrow(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A copy of the next `length` bytes. */
  copy(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return copyBytes(this.bytes, at, at + length);
  }

  /** The next `length` bytes as UTF-8 text; invalid sequences become U+FFFD. */
  text(length: number): string {
    return decoder.decode(this.borrow(length));
  }

  /** UTF-8 text with its length in front as an unsigned varint. */
  uvarintText(): string {
    return this.text(this.uvarint());
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): number {
    const at = this.offset;
    if (length < 0 || length > this.end - at) {
      throw new CodedError('ERR_SHORT_READ', 'the data ends too early', {
        offset: at,
        expectedBytes: length,
        foundBytes: this.end - at,
      });
    }
    this.offset = at + length;
    return at;
  }

  #safe(value: number, offset: number): number {
    if (!Number.isSafeInteger(value)) {
      throw new CodedError('ERR_NUMBER_RANGE', 'a number does not fit in 53 bits', { offset });
    }
    return value;
  }
}
