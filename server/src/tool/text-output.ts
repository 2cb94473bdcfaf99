import { formatFloat } from './go-format.ts';

/** Where bytes go, one piece after another. */
export interface ByteSink {
  /** Resolves when the bytes may be used again. */
  write(bytes: Uint8Array): Promise<void>;
}

const BUFFER_BYTES = 1024 * 1024;
/** Room for what is put between two looks at the fill level. */
const SPARE_BYTES = 4096;
const DIGIT_ZERO = 0x30;
const MILLION = 1_000_000;

/**
 * Text on its way to a sink. Two buffers take turns: one is filled while the other is written. All
 * `put` calls return at once; call `settle` when `isFull`.
 */
export class TextOutput {
  readonly #sink: ByteSink;
  readonly #encoder = new TextEncoder();
  readonly #decimal = new DataView(new ArrayBuffer(8));
  #bytes = new Uint8Array(BUFFER_BYTES + SPARE_BYTES);
  #other = new Uint8Array(BUFFER_BYTES + SPARE_BYTES);
  #length = 0;
  #pending: Promise<void> = Promise.resolve();
  #lastHi = 0;
  #lastLo = 0;
  /** The text of the last value; empty before the first. */
  readonly #lastValue = new Uint8Array(32);
  #lastLength = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  get isFull(): boolean {
    return this.#length >= BUFFER_BYTES;
  }

  async settle(): Promise<void> {
    if (this.isFull) await this.flush();
  }

  /** Waits for the sink, and hands it what there is. */
  async flush(): Promise<void> {
    await this.#pending;
    const full = this.#bytes;
    this.#pending = this.#sink.write(full.subarray(0, this.#length));
    // Whoever awaits next sees the error; it must not count as unhandled until then.
    this.#pending.catch(() => undefined);
    this.#bytes = this.#other;
    this.#other = full;
    this.#length = 0;
  }

  /** Writes all and waits for it. */
  async finish(): Promise<void> {
    await this.flush();
    await this.#pending;
  }

  /** Text of any length. */
  text(text: string): void {
    this.bytes(this.#encoder.encode(text));
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** A float as `%g`, from the halves of its bits. */
  float(hi: number, lo: number): void {
    // Most metrics stand still between two samples.
    if (this.#lastLength === 0 || hi !== this.#lastHi || lo !== this.#lastLo) {
      this.#decimal.setInt32(0, hi);
      this.#decimal.setInt32(4, lo);
      const text = formatFloat(this.#decimal.getFloat64(0));
      for (let i = 0; i < text.length; i++) this.#lastValue[i] = text.charCodeAt(i);
      this.#lastLength = text.length;
      this.#lastHi = hi;
      this.#lastLo = lo;
    }
    this.#reserve(this.#lastLength);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < this.#lastLength; i++) bytes[at++] = this.#lastValue[i];
    this.#length = at;
  }

  /** A whole number in ±(2^53 - 1). */
  integer(value: number): void {
    this.#reserve(20);
    let rest = value;
    if (rest < 0) {
      this.#bytes[this.#length++] = 0x2d;
      rest = -rest;
    }
    const high = Math.floor(rest / MILLION);
    if (high === 0) {
      this.#digits(rest | 0, 1);
    } else {
      const top = Math.floor(high / MILLION);
      if (top > 0) this.#digits(top | 0, 1);
      this.#digits((high - top * MILLION) | 0, top > 0 ? 6 : 1);
      this.#digits((rest - high * MILLION) | 0, 6);
    }
  }

  /** @param value below 2^31 */
  #digits(value: number, widthMin: number): void {
    let width = widthMin;
    for (let limit = 10 ** width; value >= limit; limit *= 10) width++;
    let rest = value;
    for (let at = this.#length + width - 1; at >= this.#length; at--) {
      const next = (rest / 10) | 0;
      this.#bytes[at] = DIGIT_ZERO + rest - next * 10;
      rest = next;
    }
    this.#length += width;
  }

  #reserve(sizeBytes: number): void {
    if (this.#length + sizeBytes <= this.#bytes.length) return;
    const grown = new Uint8Array((this.#length + sizeBytes) * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
