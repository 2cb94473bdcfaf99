import { CodedError } from '../../base/errors.ts';
import type { SampleSource } from './sample-source.ts';
import { XOR_HEADER_BYTES } from './xor-encoder.ts';

// Mirrors xorIterator of Prometheus tsdb/chunkenc/xor.go; layout in ./format.md.

const TWO_32 = 4294967296;

/**
 * Reads the samples of an XOR chunk: `next()`, then the fields. One iterator serves any number of
 * chunks through `reset`, and makes no object per sample. Damage throws `ERR_CHUNK_CORRUPT`.
 */
export class XorIterator implements SampleSource {
  /** Of the current sample, like the value's halves. */
  timeMs = 0;
  /** The value's bits, as int32 halves: exact for all NaNs, which a number is not. */
  valueHi = 0;
  valueLo = 0;
  readonly histogram = undefined;
  /** Number of samples in the chunk. */
  sampleCount = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #endBits = 0;
  #base = 0;
  #read = 0;
  #delta = 0;
  #leading = 0;
  #trailing = 0;
  readonly #float = new DataView(new ArrayBuffer(8));

  /** Starts at the first sample of the chunk in `bytes[start, end)`. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    if (end - start < XOR_HEADER_BYTES) {
      throw new CodedError('ERR_CHUNK_CORRUPT', 'the chunk is too short for its header', {
        foundBytes: end - start,
      });
    }
    this.#bytes = bytes;
    this.#base = start;
    this.#position = XOR_HEADER_BYTES * 8;
    this.#endBits = (end - start) * 8;
    this.sampleCount = (bytes[start] << 8) | bytes[start + 1];
    this.#read = 0;
    this.#delta = 0;
    this.#leading = 0;
    this.#trailing = 0;
    return this;
  }

  /** The current value as a number; the stale marker and other NaNs lose their bits here. */
  get value(): number {
    this.#float.setInt32(0, this.valueHi);
    this.#float.setInt32(4, this.valueLo);
    return this.#float.getFloat64(0);
  }

  /** Goes to the next sample; false at the end. */
  next(): boolean {
    if (this.#read === this.sampleCount) return false;
    if (this.#read === 0) {
      this.timeMs = this.#varint();
      this.valueHi = this.#bits(32);
      this.valueLo = this.#bits(32);
    } else {
      if (this.#read === 1) this.#delta = this.#uvarint(0, 1);
      else this.#delta += this.#deltaOfDelta();
      this.timeMs += this.#delta;
      if (!Number.isSafeInteger(this.timeMs)) throw this.#corrupt('a timestamp is out of range');
      this.#value();
    }
    this.#read++;
    return true;
  }

  #deltaOfDelta(): number {
    if (this.#bits(1) === 0) return 0;
    let size = 14;
    if (this.#bits(1) === 1) {
      if (this.#bits(1) === 0) size = 17;
      else if (this.#bits(1) === 0) size = 20;
      else return this.#bits(32) * TWO_32 + (this.#bits(32) >>> 0);
    }
    const bits = this.#bits(size);
    // The positive end of each range is one larger than two's complement allows.
    return bits > 1 << (size - 1) ? bits - (1 << size) : bits;
  }

  #value(): void {
    if (this.#bits(1) === 0) return;
    if (this.#bits(1) === 1) {
      this.#leading = this.#bits(5);
      const significant = this.#bits(6) || 64;
      this.#trailing = 64 - this.#leading - significant;
      if (this.#trailing < 0) throw this.#corrupt('a value has more than 64 bits');
    }
    const significant = 64 - this.#leading - this.#trailing;
    const trailing = this.#trailing;
    if (significant > 32) {
      const high = this.#bits(significant - 32);
      const low = this.#bits(32);
      this.valueHi ^= trailing === 0 ? high : (high << trailing) | (low >>> (32 - trailing));
      this.valueLo ^= low << trailing;
      return;
    }
    const low = this.#bits(significant);
    if (trailing >= 32) {
      this.valueHi ^= low << (trailing - 32);
    } else {
      if (trailing > 0) this.valueHi ^= low >>> (32 - trailing);
      this.valueLo ^= low << trailing;
    }
  }

  #varint(): number {
    const first = this.#bits(8);
    const magnitude = first < 128 ? (first & 0x7f) >> 1 : this.#uvarint((first & 0x7e) >> 1, 64);
    return first & 1 ? -magnitude - 1 : magnitude;
  }

  /** The rest of an unsigned varint whose lower part `start` was read; `scale` is what follows. */
  #uvarint(start: number, scale: number): number {
    let value = start;
    let weight = scale;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bits(8);
      value += (byte & 0x7f) * weight;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      weight *= 128;
    }
    throw this.#corrupt('a time is out of range');
  }

  /** The next `count` (1 to 32) bits. */
  #bits(count: number): number {
    const position = this.#position;
    if (count > this.#endBits - position) throw this.#corrupt('the chunk ends too early');
    this.#position = position + count;
    const bytes = this.#bytes;
    let at = this.#base + (position >> 3);
    const have = 8 - (position & 7);
    let value = bytes[at] & (0xff >> (8 - have));
    if (count <= have) return value >> (have - count);
    let left = count - have;
    at++;
    while (left >= 8) {
      value = (value << 8) | bytes[at++];
      left -= 8;
    }
    return left > 0 ? (value << left) | (bytes[at] >> (8 - left)) : value;
  }

  #corrupt(reason: string): CodedError {
    return new CodedError('ERR_CHUNK_CORRUPT', `an XOR chunk is damaged: ${reason}`, {
      sample: this.#read,
      sampleCount: this.sampleCount,
      bit: this.#position,
    });
  }
}
