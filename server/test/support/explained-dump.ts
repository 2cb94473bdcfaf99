/** Bytes on a line of a dump; longer fields go on in the next. */
const BYTES_PER_LINE = 8;

/**
 * A dump that explains itself: offset, bytes, and what they mean. It reads the bytes field by field
 * with plain code of its own, so that a golden file shows what the format is and not what our readers
 * make of it. All of it is to be told: `end` throws when bytes are left.
 */
export class ExplainedDump {
  readonly #bytes: Uint8Array;
  #at = 0;
  #text = '';

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  title(text: string): void {
    this.#text += `\n# ${text}\n`;
  }

  u8(what: string, names: Readonly<Record<number, string>> = {}): number {
    const value = this.#take(1)[0];
    return this.#line(1, `${what} ${names[value] ?? value}`, value);
  }

  u16(what: string): number {
    return this.#fixed(2, what);
  }

  u32(what: string): number {
    return this.#fixed(4, what);
  }

  u64(what: string): number {
    return this.#fixed(8, what);
  }

  /** A number whose value says nothing to a reader. */
  opaque(sizeBytes: number, what: string): void {
    this.#take(sizeBytes);
    this.#line(sizeBytes, what, 0);
  }

  float(what: string): void {
    const bytes = this.#take(8).slice();
    this.#line(8, `${what} ${new DataView(bytes.buffer).getFloat64(0)}`, 0);
  }

  uvarint(what: string): number {
    const { value, size } = this.#leb128();
    return this.#line(size, `${what} ${value}`, Number(value));
  }

  varint(what: string): number {
    const { value, size } = this.#leb128();
    const signed = value & 1n ? -(value >> 1n) - 1n : value >> 1n;
    return this.#line(size, `${what} ${signed}`, Number(signed));
  }

  text(what: string): string {
    const size = this.uvarint(`${what}: length`);
    const text = new TextDecoder().decode(this.#take(size));
    this.#line(size, `${what}: ${JSON.stringify(text)}`, 0);
    return text;
  }

  zeros(sizeBytes: number, what: string): void {
    if (sizeBytes === 0) return;
    if (this.#take(sizeBytes).some((byte) => byte !== 0)) throw new Error(`${what} is not zero`);
    this.#text += `${this.#offsetText(this.#at - sizeBytes)}  ${sizeBytes} zero bytes: ${what}\n`;
  }

  /** What was told, as the text of a golden file. */
  end(): string {
    if (this.left > 0) throw new Error(`${this.left} bytes at ${this.#at} are not told`);
    return this.#text.trimStart();
  }

  #fixed(size: number, what: string): number {
    let value = 0;
    for (const byte of this.#take(size)) value = value * 256 + byte;
    return this.#line(size, `${what} ${value}`, value);
  }

  #leb128(): { value: bigint; size: number } {
    const start = this.#at;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#take(1)[0];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return { value, size: this.#at - start };
    }
  }

  #take(size: number): Uint8Array {
    if (size > this.left) throw new Error(`the bytes end before ${this.#at + size}`);
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  #line<T>(size: number, meaning: string, value: T): T {
    const start = this.#at - size;
    for (let at = start; at === start || at < this.#at; at += BYTES_PER_LINE) {
      const piece = this.#bytes.subarray(at, Math.min(at + BYTES_PER_LINE, this.#at));
      const hex = Buffer.from(piece).toString('hex').replace(/../g, '$& ').trimEnd();
      const rest = at === start ? `  ${meaning}` : '';
      this.#text += `${this.#offsetText(at)}  ${hex.padEnd(rest === '' ? 0 : 23)}${rest}\n`;
    }
    return value;
  }

  #offsetText(offset: number): string {
    return offset.toString(16).padStart(6, '0');
  }
}
