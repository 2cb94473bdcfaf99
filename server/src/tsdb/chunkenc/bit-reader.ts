import { CodedError } from '../../base/errors.ts';

const TWO_32 = 4294967296;
/** Bits of a varbit number behind its prefix of so many ones. */
const VARBIT_SIZES = [0, 3, 6, 9, 12, 18, 25, 56, 64] as const;

/** Reads bits, highest first. Damage throws `ERR_CHUNK_CORRUPT`. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #endBits: number;
  #position: number;

  /** @param start first byte */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#position = start * 8;
    this.#endBits = bytes.length * 8;
  }

  /** The next `count` (1 to 32) bits, as an int32. */
  bits(count: number): number {
    if (count > this.#endBits - this.#position) throw this.corrupt('it ends too early');
    let value = 0;
    for (let left = count; left > 0;) {
      const free = 8 - (this.#position & 7);
      const taken = Math.min(free, left);
      const byte = this.#bytes[this.#position >> 3];
      value = (value << taken) | ((byte >> (free - taken)) & ((1 << taken) - 1));
      this.#position += taken;
      left -= taken;
    }
    return value;
  }

  /** A signed number of variable length (putVarbitInt of Prometheus); a safe integer. */
  varbitInt(): number {
    const size = this.#varbitSize();
    if (size <= 32) {
      const value = size === 0 ? 0 : this.bits(size);
      // The positive end of each range is one larger than two's complement allows.
      return value > 2 ** (size - 1) ? value - 2 ** size : value;
    }
    // The sign goes with the upper half, since the whole may be too large for a number.
    let high = this.bits(size - 32) >>> 0;
    const low = this.bits(32) >>> 0;
    const half = 2 ** (size - 33);
    const isNegative = size === 64 ? high >= half : high > half || (high === half && low > 0);
    if (isNegative) high -= 2 ** (size - 32);
    return this.#safe(high * TWO_32 + low);
  }

  /** An unsigned number of variable length (putVarbitUint of Prometheus); a safe integer. */
  varbitUint(): number {
    const size = this.#varbitSize();
    if (size === 0) return 0;
    if (size <= 32) return this.bits(size);
    const high = this.bits(size - 32) >>> 0;
    return this.#safe(high * TWO_32 + (this.bits(32) >>> 0));
  }

  corrupt(reason: string): CodedError {
    return new CodedError('ERR_CHUNK_CORRUPT', `a histogram chunk is damaged: ${reason}`, {
      bit: this.#position,
    });
  }

  #varbitSize(): number {
    let ones = 0;
    while (ones < 8 && this.bits(1) === 1) ones++;
    return VARBIT_SIZES[ones];
  }

  #safe(value: number): number {
    if (!Number.isSafeInteger(value)) throw this.corrupt('a number is out of range');
    return value;
  }
}
