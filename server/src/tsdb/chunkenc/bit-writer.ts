const TWO_32 = 4294967296;
/** Largest number of each length of a varbit number, and the bits in front of it. */
const VARBITS = [3, 6, 9, 12, 18, 25, 56].map((size, i) => ({
  size,
  prefix: 2 ** (i + 2) - 2,
  prefixBits: i + 2,
  signedMax: 2 ** (size - 1),
  unsignedMax: 2 ** size - 1,
}));

/**
 * Writes bits, highest first, as bstream of Prometheus: a whole byte that ends at a byte's edge
 * leaves an empty one behind.
 */
export class BitWriter {
  #bytes = new Uint8Array(512);
  #length: number;
  /** Bits of the last byte that are not used. */
  #free = 0;

  /** @param headerBytes zero bytes to begin with */
  constructor(headerBytes: number) {
    this.#length = headerBytes;
  }

  get sizeBytes(): number {
    return this.#length;
  }

  /** What was written, as a view that the next write invalidates; the header may be changed in it. */
  borrow(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  bit(bit: number): void {
    if (this.#free === 0) {
      this.#reserve();
      this.#bytes[this.#length++] = 0;
      this.#free = 8;
    }
    this.#free--;
    this.#bytes[this.#length - 1] |= bit << this.#free;
  }

  /** The lowest `count` (1 to 32) bits of an int32. */
  bits(value: number, count: number): void {
    let left = count;
    for (; left >= 8; left -= 8) this.#byte((value >>> (left - 8)) & 0xff);
    while (left > 0) this.bit((value >>> --left) & 1);
  }

  /** The lowest `count` bits of a number of 64 bits, given as int32 halves. */
  bits64(hi: number, lo: number, count = 64): void {
    let left = count;
    for (; left >= 8; left -= 8) this.#byte(shifted(hi, lo, left - 8) & 0xff);
    while (left > 0) this.bit(shifted(hi, lo, --left) & 1);
  }

  /** A safe integer. */
  varbitInt(value: number): void {
    this.#varbit(value, ({ signedMax }) => value > -signedMax && value <= signedMax);
  }

  /** A safe integer from 0 on. */
  varbitUint(value: number): void {
    this.#varbit(value, ({ unsignedMax }) => value <= unsignedMax);
  }

  #varbit(value: number, fits: (length: (typeof VARBITS)[number]) => boolean): void {
    if (value === 0) {
      this.bit(0);
      return;
    }
    const length = VARBITS.find(fits);
    if (length === undefined) {
      this.bits(0xff, 8);
      this.bits64(Math.floor(value / TWO_32) | 0, value | 0);
      return;
    }
    this.bits(length.prefix, length.prefixBits);
    this.bits64(Math.floor(value / TWO_32) | 0, value | 0, length.size);
  }

  #byte(byte: number): void {
    this.#reserve();
    if (this.#free === 0) {
      this.#bytes[this.#length++] = byte;
      return;
    }
    this.#bytes[this.#length - 1] |= byte >> (8 - this.#free);
    this.#bytes[this.#length++] = byte << this.#free;
  }

  #reserve(): void {
    if (this.#length < this.#bytes.length) return;
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** The lower half of (hi, lo) shifted to the right. */
function shifted(hi: number, lo: number, by: number): number {
  if (by >= 32) return hi >>> (by - 32);
  return by === 0 ? lo : (lo >>> by) | (hi << (32 - by));
}
