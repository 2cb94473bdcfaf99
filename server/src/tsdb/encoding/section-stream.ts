import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';

const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
/** A section begins with how many things are in it. What is zeroed looks like empty sections. */
const BODY_BYTES_MIN = 4;

/** What is told of a section whose checksum was right. */
export interface SectionFound {
  readonly lengthBytes: number;
  /** The first four bytes of the body as a number: in an index, how many things are in it. */
  readonly count: number;
}

/**
 * Checks sections (32-bit length, body, CRC-32C) one behind the other as their bytes pass; nothing of
 * a body is kept, however long it is.
 */
export class SectionStream {
  readonly #what: string;
  readonly #alignment: number;
  readonly #onSection: (found: SectionFound) => void;
  #offset: number;
  /** Bytes of the section that have passed. */
  #passed = 0;
  #length = 0;
  #count = 0;
  #crc = 0;
  #expected = 0;

  /**
   * @param what named in errors
   * @param offset in the file, of the first byte
   * @param alignment each section begins at a multiple of it, after bytes of zero
   */
  constructor(
    what: string,
    offset: number,
    alignment: number,
    onSection: (found: SectionFound) => void,
  ) {
    this.#what = what;
    this.#offset = offset;
    this.#alignment = alignment;
    this.#onSection = onSection;
  }

  get isInside(): boolean {
    return this.#passed > 0;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end;) {
      const next = this.#wholeSection(bytes, at, end) ?? this.#step(bytes, at, end);
      this.#offset += next - at;
      at = next;
    }
  }

  /** Position after a section that begins at `at`, when all of it is here: most are small. */
  #wholeSection(bytes: Uint8Array, at: number, end: number): number | undefined {
    if (this.#passed > 0 || this.#offset % this.#alignment !== 0) return undefined;
    const body = at + LENGTH_BYTES;
    if (body + CRC_BYTES > end) return undefined;
    const lengthBytes = u32At(bytes, at);
    const bodyEnd = body + lengthBytes;
    if (bodyEnd + CRC_BYTES > end) return undefined;
    this.#checkLength(lengthBytes);
    if (crc32c(bytes, body, bodyEnd) !== u32At(bytes, bodyEnd)) {
      throw this.#damaged('ERR_CRC', 'its checksum does not match');
    }
    this.#onSection({ lengthBytes, count: u32At(bytes, body) });
    return bodyEnd + CRC_BYTES;
  }

  /** Position after the bytes that were looked at. */
  #step(bytes: Uint8Array, at: number, end: number): number {
    const passed = this.#passed;
    if (passed === 0 && this.#offset % this.#alignment !== 0) {
      if (bytes[at] !== 0) throw this.#damaged('ERR_SECTION', 'the bytes in front are not zero');
      return at + 1;
    }
    if (passed < LENGTH_BYTES) {
      this.#length = passed === 0 ? bytes[at] : this.#length * 256 + bytes[at];
      this.#crc = 0;
      this.#count = 0;
      this.#expected = 0;
      this.#passed++;
      return at + 1;
    }
    if (passed === LENGTH_BYTES) this.#checkLength(this.#length);
    const bodyEnd = LENGTH_BYTES + this.#length;
    if (passed < bodyEnd) return this.#body(bytes, at, Math.min(end, at + bodyEnd - passed));
    this.#expected = ((this.#expected << 8) | bytes[at]) >>> 0;
    this.#passed++;
    if (this.#passed === bodyEnd + CRC_BYTES) this.#end();
    return at + 1;
  }

  #body(bytes: Uint8Array, start: number, end: number): number {
    const bodyBytes = this.#passed - LENGTH_BYTES;
    for (let i = 0; i < 4 - bodyBytes && start + i < end; i++) {
      this.#count = ((this.#count << 8) | bytes[start + i]) >>> 0;
    }
    this.#crc = crc32c(bytes, start, end, this.#crc);
    this.#passed += end - start;
    return end;
  }

  #end(): void {
    if (this.#crc !== this.#expected) {
      throw this.#damaged('ERR_CRC', 'its checksum does not match');
    }
    const found = { lengthBytes: this.#length, count: this.#count };
    this.#passed = 0;
    this.#onSection(found);
  }

  #checkLength(lengthBytes: number): void {
    if (lengthBytes < BODY_BYTES_MIN) throw this.#damaged('ERR_SECTION', 'it is too short');
  }

  #damaged(code: string, reason: string): CodedError {
    return new CodedError(code, `${this.#what} is damaged: ${reason}`, { offset: this.#offset });
  }
}

function u32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
