import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';
import { CHUNK_XOR, isKnownEncoding } from '../chunkenc/encodings.ts';
import { FrameStream } from '../encoding/frame-stream.ts';
import type { ChunkTally } from '../encoding/chunk-tally.ts';
import { CHUNKS_MAGIC, CHUNKS_VERSION, SEGMENT_HEADER_BYTES } from './segment-writer.ts';

// Checks a segment of chunks as its bytes pass; layout in ./format.md.

const LENGTH_BYTES_MAX = 5;
const CRC_BYTES = 4;
/** Of the first time in a chunk of floats: behind the encoding and the number of samples. */
const TIME_OFFSET = 3;
/** No chunk that Prometheus writes comes near; a longer one is damage. */
const CHUNK_BYTES_MAX = 16 * 1024 * 1024;

/** What was found in the segments of one block. */
export interface ChunksFound {
  readonly chunks: ChunkTally;
  /** By what the chunks say of themselves. */
  samples: number;
  /** Chunks of encodings that are not known, whose samples are not counted. */
  unknown: number;
  /** Chunks that do not begin with the time of their first sample; it counts as 0. */
  untimed: number;
}

/** Looks at every byte of one segment: header, lengths and checksums. Throws at the first damage. */
export class SegmentCheck {
  readonly #segment: number;
  readonly #found: ChunksFound;
  readonly #frames = new FrameStream((bytes, at, end) => this.#take(bytes, at, end));
  #offset = 0;

  /**
   * @param segment counted from 0
   * @param found is added to
   */
  constructor(segment: number, found: ChunksFound) {
    this.#segment = segment;
    this.#found = found;
  }

  push(piece: Uint8Array): void {
    this.#frames.push(piece, 0, piece.length);
  }

  /** Throws unless the segment ended with the end of a chunk. */
  end(): void {
    if (this.#offset < SEGMENT_HEADER_BYTES || this.#frames.isInside) {
      throw this.#damaged('the file ends within it');
    }
  }

  #take(bytes: Uint8Array, at: number, end: number): number {
    const size = this.#offset === 0 ? header(bytes, at, end) : this.#chunk(bytes, at, end);
    if (size > 0) this.#offset += size;
    return size;
  }

  #chunk(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (at - start === LENGTH_BYTES_MAX) throw this.#damaged('its length never ends');
      if (at === end) return start - end - 1;
      const byte = bytes[at++];
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length > CHUNK_BYTES_MAX) throw this.#damaged('it is too long');
    const crcAt = at + 1 + length;
    const size = crcAt + CRC_BYTES - start;
    if (crcAt + CRC_BYTES > end) return -size;
    const expected =
      (bytes[crcAt] << 24) | (bytes[crcAt + 1] << 16) | (bytes[crcAt + 2] << 8) | bytes[crcAt + 3];
    if ((crc32c(bytes, at, crcAt) | 0) !== expected) {
      throw new CodedError('ERR_CRC', 'the checksum of a chunk does not match', {
        offset: this.#offset,
      });
    }
    this.#note(bytes, at, crcAt);
    return size;
  }

  /** @param at of the encoding, behind which the data are */
  #note(bytes: Uint8Array, at: number, end: number): void {
    const found = this.#found;
    const isTimed = bytes[at] === CHUNK_XOR && end - at > TIME_OFFSET;
    if (!isTimed) found.untimed++;
    const minTimeMs = isTimed ? firstTimeMs(bytes, at + TIME_OFFSET, end) : 0;
    found.chunks.add(this.#segment, this.#offset, minTimeMs);
    if (!isKnownEncoding(bytes[at])) found.unknown++;
    // Chunks of all known encodings begin with the number of their samples.
    else if (end - at >= TIME_OFFSET) found.samples += (bytes[at + 1] << 8) | bytes[at + 2];
  }

  #damaged(reason: string): CodedError {
    return new CodedError('ERR_CHUNK_FILE', `a chunk cannot be read: ${reason}`, {
      offset: this.#offset,
    });
  }
}

/** The varint in front of an XOR chunk's samples. */
function firstTimeMs(bytes: Uint8Array, start: number, end: number): number {
  let folded = 0;
  let scale = 1;
  for (let at = start; at < end; at++) {
    folded += (bytes[at] & 0x7f) * scale;
    if (bytes[at] < 0x80) break;
    scale *= 128;
  }
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

function header(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < SEGMENT_HEADER_BYTES) return -SEGMENT_HEADER_BYTES;
  const reader = new ByteReader(bytes, at, end);
  const isHeader = reader.u32() === CHUNKS_MAGIC && reader.u8() === CHUNKS_VERSION;
  if (!isHeader || reader.u8() !== 0 || reader.u16() !== 0) {
    throw new CodedError('ERR_CHUNK_FILE', 'not a chunk file of version 1');
  }
  return SEGMENT_HEADER_BYTES;
}
