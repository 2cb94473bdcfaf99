/**
 * XOR chunks written bit by bit with BigInt, the way the format's description reads: the oracle for
 * the fast encoder. Byte and bit writes leave the stream as Prometheus' bstream does.
 */
export function encodePlainXor(
  samples: readonly (readonly [timeMs: number, hi: number, lo: number])[],
): Uint8Array {
  const stream = new PlainStream(samples.length);
  let time = 0n;
  let delta = 0n;
  let value = 0n;
  let leading = -1;
  let trailing = 0;
  samples.forEach(([timeMs, hi, lo], i) => {
    const bits = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
    const now = BigInt(timeMs);
    if (i === 0) {
      stream.varint(now);
      stream.bits(bits, 64);
    } else {
      if (i === 1) stream.uvarint(now - time);
      else stream.deltaOfDelta(now - time - delta);
      delta = now - time;
      const xor = bits ^ value;
      if (xor === 0n) {
        stream.bit(0);
      } else {
        stream.bit(1);
        const text = xor.toString(2).padStart(64, '0');
        const newLeading = Math.min(31, text.indexOf('1'));
        const newTrailing = 63 - text.lastIndexOf('1');
        if (leading >= 0 && newLeading >= leading && newTrailing >= trailing) {
          stream.bit(0);
        } else {
          [leading, trailing] = [newLeading, newTrailing];
          stream.bit(1);
          stream.bits(BigInt(leading), 5);
          stream.bits(BigInt((64 - leading - trailing) % 64), 6);
        }
        stream.bits(xor >> BigInt(trailing), 64 - leading - trailing);
      }
    }
    time = now;
    value = bits;
  });
  return Uint8Array.from(stream.bytes);
}

class PlainStream {
  readonly bytes: number[];
  /** Free bits in the last byte. */
  #free = 0;

  constructor(sampleCount: number) {
    this.bytes = [sampleCount >> 8, sampleCount & 255];
  }

  bit(bit: number): void {
    if (this.#free === 0) {
      this.bytes.push(0);
      this.#free = 8;
    }
    this.#free--;
    this.bytes[this.bytes.length - 1] |= bit << this.#free;
  }

  byte(byte: number): void {
    if (this.#free === 0) {
      this.bytes.push(0);
      this.#free = 8;
    }
    this.bytes[this.bytes.length - 1] |= byte >> (8 - this.#free);
    this.bytes.push((byte << this.#free) & 255);
  }

  bits(value: bigint, count: number): void {
    let left = count;
    for (; left >= 8; left -= 8) this.byte(Number((value >> BigInt(left - 8)) & 255n));
    for (; left > 0; left--) this.bit(Number((value >> BigInt(left - 1)) & 1n));
  }

  varint(value: bigint): void {
    this.uvarint(value < 0n ? (-value << 1n) - 1n : value << 1n);
  }

  uvarint(value: bigint): void {
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) this.byte(Number(rest & 127n) | 128);
    this.byte(Number(rest));
  }

  deltaOfDelta(value: bigint): void {
    const ways = [
      [0b10n, 2, 14],
      [0b110n, 3, 17],
      [0b1110n, 4, 20],
    ] as const;
    if (value === 0n) {
      this.bit(0);
      return;
    }
    for (const [prefix, prefixBits, size] of ways) {
      const end = 1n << BigInt(size - 1);
      if (value < -(end - 1n) || value > end) continue;
      this.bits(prefix, prefixBits);
      this.bits(BigInt.asUintN(size, value), size);
      return;
    }
    this.bits(0b1111n, 4);
    this.bits(BigInt.asUintN(64, value), 64);
  }
}
