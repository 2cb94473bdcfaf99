import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { badValue, overLimit } from './errors.ts';
import { MAX_DEPTH } from './limits.ts';
import type { TypeIds } from './schema.ts';

const textEncoder = new TextEncoder();
const floatBytes = new Uint8Array(8);
const floatView = new DataView(floatBytes.buffer);
const MAX_UINT64 = (1n << 64n) - 1n;
const MAX_INT64 = (1n << 63n) - 1n;
const MIN_INT64 = -(1n << 63n);

/** Writes gob's basic encodings; see format.md. One writer holds one value at a time. */
export class ValueWriter {
  readonly bytes: ByteWriter;
  /** Where schemas look up, and define, the ids of their types. */
  readonly types: TypeIds;
  #depth = 0;

  constructor(types: TypeIds, bytes: ByteWriter = new ByteWriter()) {
    this.types = types;
    this.bytes = bytes;
  }

  /** An unsigned number, 0 to 2^53 - 1. */
  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange('unsigned integer', value);
    if (value < 128) {
      this.bytes.u8(value);
      return;
    }
    let count = 1;
    for (let limit = 256; value >= limit; limit *= 256) count++;
    this.bytes.u8(256 - count);
    for (let scale = 256 ** (count - 1); scale >= 1; scale /= 256) {
      this.bytes.u8(Math.floor(value / scale) % 256);
    }
  }

  uint64(value: bigint): void {
    if (value < 0n || value > MAX_UINT64) throw outOfRange('64-bit unsigned integer', value);
    if (value <= 0x1fffffffffffffn) {
      this.uint(Number(value));
      return;
    }
    let count = 7;
    while (value >> BigInt(count * 8) > 0n) count++;
    this.bytes.u8(256 - count);
    for (let shift = (count - 1) * 8; shift >= 0; shift -= 8) {
      this.bytes.u8(Number((value >> BigInt(shift)) & 0xffn));
    }
  }

  /** A signed number in ±(2^53 - 1). */
  int(value: number): void {
    if (!Number.isSafeInteger(value)) throw outOfRange('integer', value);
    if (value >= 2 ** 52 || value < -(2 ** 52)) {
      this.int64(BigInt(value));
      return;
    }
    this.uint(value < 0 ? -(value + 1) * 2 + 1 : value * 2);
  }

  int64(value: bigint): void {
    if (value < MIN_INT64 || value > MAX_INT64) throw outOfRange('64-bit integer', value);
    this.uint64(value < 0n ? (-(value + 1n) << 1n) | 1n : value << 1n);
  }

  float(value: number): void {
    // Little-endian, so that the zero bytes of a short mantissa come first and are left out.
    floatView.setFloat64(0, value, true);
    let start = 0;
    while (start < 7 && floatBytes[start] === 0) start++;
    if (start === 7 && floatBytes[7] < 128) {
      this.bytes.u8(floatBytes[7]);
      return;
    }
    this.bytes.u8(256 - (8 - start));
    this.bytes.raw(floatBytes.subarray(start));
  }

  byteString(value: Uint8Array): void {
    this.uint(value.length);
    this.bytes.raw(value);
  }

  text(value: string): void {
    this.byteString(textEncoder.encode(value));
  }

  /** Runs `write` one level deeper; a value that contains itself ends in an error. */
  nested(write: () => void): void {
    if (++this.#depth > MAX_DEPTH) throw overLimit('nesting of a value', MAX_DEPTH);
    write();
    this.#depth--;
  }

  /** Forgets what was written, after an error or for the next value. */
  reset(): void {
    this.bytes.reset();
    this.#depth = 0;
  }
}

function outOfRange(what: string, value: number | bigint): Error {
  return badValue(`a value does not fit in gob's ${what}`, { found: String(value) });
}
