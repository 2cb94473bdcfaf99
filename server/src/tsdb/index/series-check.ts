import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';
import { ChunkTally } from '../encoding/chunk-tally.ts';
import { FrameStream } from '../encoding/frame-stream.ts';

// Checks the series of an index as their bytes pass; layout in ./format.md.

const SERIES_ALIGNMENT = 16;
const LENGTH_BYTES_MAX = 5;
const VARINT_BYTES_MAX = 10;
const CRC_BYTES = 4;
/** Far more than the labels and chunks of any series need; a longer one is damage. */
const SERIES_BYTES_MAX = 64 * 1024 * 1024;
const TWO_32 = 4294967296;

/** What the series of an index are about. */
export class SeriesFound {
  readonly chunks = new ChunkTally();
  series = 0;
  /** Times of the chunks, both included; Infinity and -Infinity without any. */
  minTimeMs = Infinity;
  maxTimeMs = -Infinity;
}

/** Looks at every byte of the series of an index: padding, lengths and checksums; notes the chunks. */
export class SeriesCheck {
  readonly found = new SeriesFound();
  readonly #frames = new FrameStream((bytes, at, end) => this.#take(bytes, at, end));
  #offset: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** @param offset in the file, of the first byte */
  constructor(offset: number) {
    this.#offset = offset;
  }

  get isInside(): boolean {
    return this.#frames.isInside;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    this.#frames.push(bytes, start, end);
    // The piece is its owner's again.
    this.#bytes = new Uint8Array(0);
  }

  #take(bytes: Uint8Array, at: number, end: number): number {
    const isAligned = this.#offset % SERIES_ALIGNMENT === 0;
    const size = isAligned ? this.#series(bytes, at, end) : this.#padding(bytes, at, end);
    if (size > 0) this.#offset += size;
    return size;
  }

  #padding(bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(end - at, SERIES_ALIGNMENT - (this.#offset % SERIES_ALIGNMENT));
    for (let i = at; i < at + size; i++) {
      if (bytes[i] !== 0) throw this.#damaged('the bytes in front are not zero');
    }
    return size;
  }

  #series(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (at - start === LENGTH_BYTES_MAX) throw this.#damaged('its length never ends');
      if (at === end) return start - end - 1;
      const byte = bytes[at++];
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length === 0 || length > SERIES_BYTES_MAX) throw this.#damaged('it has no such length');
    const crcAt = at + length;
    const size = crcAt + CRC_BYTES - start;
    if (crcAt + CRC_BYTES > end) return -size;
    const expected =
      (bytes[crcAt] << 24) | (bytes[crcAt + 1] << 16) | (bytes[crcAt + 2] << 8) | bytes[crcAt + 3];
    if ((crc32c(bytes, at, crcAt) | 0) !== expected) {
      throw new CodedError('ERR_CRC', 'the checksum of a series does not match', {
        offset: this.#offset,
      });
    }
    this.#read(bytes, at);
    if (this.#at !== crcAt) throw this.#damaged('its parts are not as long as the whole');
    return size;
  }

  #read(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
    const { found } = this;
    this.#skipNumbers(this.#uvarint() * 2);
    let time = 0;
    let ref = 0;
    const chunks = this.#uvarint();
    for (let i = 0; i < chunks; i++) {
      time = i === 0 ? this.#varint() : time + this.#uvarint();
      const minTimeMs = time;
      if (time < found.minTimeMs) found.minTimeMs = time;
      time += this.#uvarint();
      ref = i === 0 ? this.#uvarint() : ref + this.#varint();
      if (time > found.maxTimeMs) found.maxTimeMs = time;
      found.chunks.add(Math.floor(ref / TWO_32), ref % TWO_32, minTimeMs);
    }
    found.series++;
  }

  /** Labels are most of a series, and its checksum vouches for them. */
  #skipNumbers(count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let left = count; left > 0 && at < bytes.length; at++) if (bytes[at] < 0x80) left--;
    this.#at = at;
  }

  #varint(): number {
    const folded = this.#uvarint();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  #uvarint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX && this.#at < bytes.length; i++) {
      const byte = bytes[this.#at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.#damaged('a number in it never ends');
  }

  #damaged(reason: string): CodedError {
    return new CodedError('ERR_INDEX', `an index is damaged: a series cannot be read: ${reason}`, {
      offset: this.#offset,
    });
  }
}
