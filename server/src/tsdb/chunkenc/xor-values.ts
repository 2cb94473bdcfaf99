import type { BitReader } from './bit-reader.ts';
import type { BitWriter } from './bit-writer.ts';

const NO_WINDOW = 0xff;

/**
 * Floats of a histogram chunk, each as the XOR with its value in the sample before, as values of XOR
 * chunks are; layout in ./format.md. Numbers stay bits all the way, NaN included.
 */
export class XorValues {
  readonly #floats: Float64Array;
  readonly #words: Uint32Array;
  readonly #leading: Uint8Array;
  readonly #trailing: Uint8Array;

  constructor(count: number) {
    this.#floats = new Float64Array(count);
    this.#words = new Uint32Array(this.#floats.buffer);
    this.#leading = new Uint8Array(count).fill(NO_WINDOW);
    this.#trailing = new Uint8Array(count);
  }

  /** The current values, which the next `read` changes. */
  get floats(): Float64Array {
    return this.#floats;
  }

  readFirst(reader: BitReader, index: number): void {
    this.#words[index * 2 + HI] = reader.bits(32);
    this.#words[index * 2 + LO] = reader.bits(32);
    this.#leading[index] = 0;
  }

  read(reader: BitReader, index: number): void {
    if (reader.bits(1) === 0) return;
    if (reader.bits(1) === 1) {
      this.#leading[index] = reader.bits(5);
      const significant = reader.bits(6) || 64;
      if (this.#leading[index] + significant > 64) {
        throw reader.corrupt('a value has more than 64 bits');
      }
      this.#trailing[index] = 64 - this.#leading[index] - significant;
    }
    const trailing = this.#trailing[index];
    const significant = 64 - this.#leading[index] - trailing;
    const high = significant > 32 ? reader.bits(significant - 32) : 0;
    const low = reader.bits(Math.min(32, significant));
    this.#words[index * 2 + HI] ^= shiftedHigh(high, low, trailing);
    this.#words[index * 2 + LO] ^= trailing >= 32 ? 0 : low << trailing;
  }

  writeFirst(writer: BitWriter, index: number, value: Float64Array): void {
    this.#copy(index, value);
    writer.bits64(this.#words[index * 2 + HI] | 0, this.#words[index * 2 + LO] | 0);
    this.#leading[index] = NO_WINDOW;
  }

  /** @param value the value lies at `index` in it */
  write(writer: BitWriter, index: number, value: Float64Array): void {
    const beforeHi = this.#words[index * 2 + HI];
    const beforeLo = this.#words[index * 2 + LO];
    this.#copy(index, value);
    const hi = (this.#words[index * 2 + HI] ^ beforeHi) | 0;
    const lo = (this.#words[index * 2 + LO] ^ beforeLo) | 0;
    if ((hi | lo) === 0) {
      writer.bit(0);
      return;
    }
    writer.bit(1);
    // The field has five bits.
    const leading = Math.min(31, hi !== 0 ? Math.clz32(hi) : 32 + Math.clz32(lo));
    const trailing = lo !== 0 ? 31 - Math.clz32(lo & -lo) : 63 - Math.clz32(hi & -hi);
    const fits =
      this.#leading[index] !== NO_WINDOW &&
      leading >= this.#leading[index] &&
      trailing >= this.#trailing[index];
    if (fits) {
      writer.bit(0);
    } else {
      this.#leading[index] = leading;
      this.#trailing[index] = trailing;
      writer.bit(1);
      writer.bits(leading, 5);
      // 64 significant bits do not fit the six bits and are written as 0.
      writer.bits((64 - leading - trailing) & 63, 6);
    }
    putSignificant(writer, hi, lo, this.#leading[index], this.#trailing[index]);
  }

  #copy(index: number, value: Float64Array): void {
    // From memory to memory: a NaN that goes through a variable may lose its bits.
    this.#floats.set(value.subarray(index, index + 1), index);
  }
}

/** Positions of the halves of a float, by the machine's byte order. */
const HI = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const LO = 1 - HI;

/** The upper half of (high, low) shifted to the left. */
function shiftedHigh(high: number, low: number, trailing: number): number {
  if (trailing >= 32) return low << (trailing - 32);
  return trailing === 0 ? high : (high << trailing) | (low >>> (32 - trailing));
}

/** The bits of (hi, lo) between so many leading and trailing ones, which are zero. */
function putSignificant(
  writer: BitWriter,
  hi: number,
  lo: number,
  leading: number,
  trailing: number,
): void {
  const count = 64 - leading - trailing;
  if (trailing >= 32) writer.bits64(0, hi >>> (trailing - 32), count);
  else if (trailing === 0) writer.bits64(hi, lo, count);
  else writer.bits64(hi >>> trailing, (lo >>> trailing) | (hi << (32 - trailing)), count);
}
