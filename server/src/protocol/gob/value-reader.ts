import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { corrupt, overLimit } from './errors.ts';
import { MAX_DEPTH, MAX_VALUE_NODES } from './limits.ts';

const floatBytes = new Uint8Array(8);
const floatView = new DataView(floatBytes.buffer);
const TWO_48 = 2 ** 48;

/**
 * Reads gob's basic encodings out of one message; see format.md. A value with interfaces goes on
 * into further messages, which the decoder puts in place through `open`.
 */
export class ValueReader {
  #bytes = new ByteReader(new Uint8Array(0));
  #depth = 0;
  #nodesLeft = MAX_VALUE_NODES;

  /** Reads from `bytes[start, end)` from now on, which is one whole message. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = new ByteReader(bytes, start, end);
  }

  /** Starts the counts of a new value. */
  startValue(): void {
    this.#depth = 0;
    this.#nodesLeft = MAX_VALUE_NODES;
  }

  /** Bytes left in this message. */
  get remaining(): number {
    return this.#bytes.remaining;
  }

  /** Offset of the next byte, for error texts. */
  get offset(): number {
    return this.#bytes.offset;
  }

  /** An unsigned number; an error above 2^53 - 1. */
  uint(): number {
    const first = this.#bytes.u8();
    return first < 128 ? first : this.#safe(this.#longUint(256 - first));
  }

  uint64(): bigint {
    const first = this.#bytes.u8();
    if (first < 128) return BigInt(first);
    const value = this.#longUint(256 - first);
    return typeof value === 'bigint' ? value : BigInt(value);
  }

  /** A signed number; an error outside ±(2^53 - 1). */
  int(): number {
    const first = this.#bytes.u8();
    if (first < 128) return first & 1 ? -(first >>> 1) - 1 : first >>> 1;
    const value = this.#longUint(256 - first);
    if (typeof value === 'bigint') return this.#safe(unfold(value));
    const half = Math.floor(value / 2);
    return value % 2 === 1 ? -half - 1 : half;
  }

  int64(): bigint {
    return unfold(this.uint64());
  }

  /** An unsigned number, as a bigint only where it must be one. */
  anyUint(): number | bigint {
    const first = this.#bytes.u8();
    return first < 128 ? first : plainest(this.#longUint(256 - first));
  }

  /** A signed number, as a bigint only where it must be one. */
  anyInt(): number | bigint {
    const folded = this.anyUint();
    if (typeof folded === 'bigint') return plainest(unfold(folded));
    const half = Math.floor(folded / 2);
    return folded % 2 === 1 ? -half - 1 : half;
  }

  float(): number {
    const first = this.#bytes.u8();
    floatBytes.fill(0);
    if (first < 128) {
      floatBytes[7] = first;
    } else {
      const count = this.#checkCount(256 - first);
      floatBytes.set(this.#bytes.borrow(count), 8 - count);
    }
    return floatView.getFloat64(0, true);
  }

  /** A copy of a byte string with its length in front. */
  byteString(): Uint8Array<ArrayBuffer> {
    return this.#bytes.copy(this.#length());
  }

  /** UTF-8 text with its length in front; invalid sequences become U+FFFD. */
  text(): string {
    return this.#bytes.text(this.#length());
  }

  skipByteString(): void {
    this.#bytes.skip(this.#length());
  }

  skipNumber(): void {
    const first = this.#bytes.u8();
    if (first >= 128) this.#bytes.skip(this.#checkCount(256 - first));
  }

  /** Counts `nodes` parts of the value about to be built. */
  spend(nodes: number): void {
    this.#nodesLeft -= nodes;
    if (this.#nodesLeft < 0) throw overLimit('parts of a value', MAX_VALUE_NODES);
  }

  /** Goes one level down. An `enter` is followed by its `leave`, unless the value fails. */
  enter(): void {
    if (++this.#depth > MAX_DEPTH) throw overLimit('nesting of a value', MAX_DEPTH);
  }

  leave(): void {
    this.#depth--;
  }

  // A length is checked against the message itself, so it bounds what is copied.
  #length(): number {
    const length = this.uint();
    if (length > this.#bytes.remaining) {
      throw corrupt('a byte string is longer than its message', {
        offset: this.offset,
        expectedBytes: length,
        foundBytes: this.#bytes.remaining,
      });
    }
    return length;
  }

  #longUint(count: number): number | bigint {
    this.#checkCount(count);
    let value = 0;
    const plain = Math.min(count, 6);
    for (let i = 0; i < plain; i++) value = value * 256 + this.#bytes.u8();
    if (count <= 6) return value;
    let wide = BigInt(value);
    for (let i = 6; i < count; i++) wide = (wide << 8n) | BigInt(this.#bytes.u8());
    return wide < BigInt(TWO_48) ? Number(wide) : wide;
  }

  #checkCount(count: number): number {
    if (count > 8) throw corrupt('a number has more than eight bytes', { offset: this.offset });
    return count;
  }

  #safe(value: number | bigint): number {
    const result = Number(value);
    if (!Number.isSafeInteger(result)) {
      throw corrupt('a number does not fit in 53 bits', { offset: this.offset });
    }
    return result;
  }
}

function plainest(value: number | bigint): number | bigint {
  const plain = Number(value);
  return Number.isSafeInteger(plain) ? plain : value;
}

// Bit 0 tells whether the rest is complemented.
function unfold(folded: bigint): bigint {
  return folded & 1n ? -(folded >> 1n) - 1n : folded >> 1n;
}
