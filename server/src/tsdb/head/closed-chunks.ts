import { assert } from '../../base/errors.ts';

// Chunks that will not change any more lie in shared memory, each behind a header that links it to
// the series' chunk before it. A worker gets the memory by reference and copies nothing.
//
//   0 ┌──────────────┬───────────┬───────────┬────────────┬───────────────┬──────┐
//     │ previous <8> │ mint <8>  │ maxt <8>  │ length <4> │ encoding <4>  │ data │  to 8 bytes
//     └──────────────┴───────────┴───────────┴────────────┴───────────────┴──────┘
//       doubles                                uint32

const SEGMENT_BITS = 20;
/** 1 MiB: small enough to be given back soon, since it goes when its newest chunk goes. */
const SEGMENT_BYTES = 1 << SEGMENT_BITS;
export const CLOSED_HEADER_BYTES = 32;
/** The encoding is a byte; above it there is a mark. */
const ENCODING_MASK = 0xff;
const STORED = 0x100;
/** No chunk: the end of a series' chain. */
export const NO_CHUNK = -1;

interface Segment {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly doubles: Float64Array;
  readonly words: Uint32Array;
  usedBytes: number;
  maxTimeMs: number;
}

/** A chunk that came from elsewhere, as a directory of the Go plugin has them. */
export interface RestoredChunk {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly encoding: number;
  readonly data: Uint8Array;
  /** Whether a file of `chunks_head` holds it. */
  readonly isStored?: boolean;
}

/** A place is `segment * 2^20 + offset`, a safe integer; segment numbers are not used again. */
export class ClosedChunks {
  readonly #segments = new Map<number, Segment>();
  #nextSegment = 0;
  #sizeBytes = 0;
  #current: Segment | undefined;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Copies a chunk; returns its place. */
  addWhole(previous: number, { minTimeMs, maxTimeMs, encoding, data }: RestoredChunk): number {
    return this.add(previous, minTimeMs, maxTimeMs, encoding, data, 0, data.length);
  }

  /** The same for a chunk of `bytes[start, start + length)`. */
  add(
    previous: number,
    minTimeMs: number,
    maxTimeMs: number,
    encoding: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): number {
    const needed = CLOSED_HEADER_BYTES + length + (-length & 7);
    let segment = this.#current;
    if (segment === undefined || segment.usedBytes + needed > segment.bytes.length) {
      // A chunk beyond the usual gets a segment of its own.
      segment = this.#addSegment(Math.max(SEGMENT_BYTES, needed));
    }
    const offset = segment.usedBytes;
    segment.usedBytes += needed;
    segment.doubles[offset >> 3] = previous;
    segment.doubles[(offset >> 3) + 1] = minTimeMs;
    segment.doubles[(offset >> 3) + 2] = maxTimeMs;
    segment.words[(offset >> 2) + 6] = length;
    segment.words[(offset >> 2) + 7] = encoding;
    const to = segment.bytes;
    for (let i = 0, at = offset + CLOSED_HEADER_BYTES; i < length; i++)
      to[at + i] = bytes[start + i];
    if (maxTimeMs > segment.maxTimeMs) segment.maxTimeMs = maxTimeMs;
    return (this.#nextSegment - 1) * SEGMENT_BYTES + offset;
  }

  /** Cuts the chain behind the chunk: those before it are no longer reached. */
  unlinkPrevious(place: number): void {
    this.#at(place).doubles[(place % SEGMENT_BYTES) >> 3] = NO_CHUNK;
  }

  previous(place: number): number {
    return this.#at(place).doubles[(place % SEGMENT_BYTES) >> 3];
  }

  minTime(place: number): number {
    return this.#at(place).doubles[((place % SEGMENT_BYTES) >> 3) + 1];
  }

  maxTime(place: number): number {
    return this.#at(place).doubles[((place % SEGMENT_BYTES) >> 3) + 2];
  }

  encoding(place: number): number {
    return this.#at(place).words[((place % SEGMENT_BYTES) >> 2) + 7] & ENCODING_MASK;
  }

  /** Whether a file of `chunks_head` holds the chunk. */
  isStored(place: number): boolean {
    return (this.#at(place).words[((place % SEGMENT_BYTES) >> 2) + 7] & STORED) !== 0;
  }

  setStored(place: number): void {
    this.#at(place).words[((place % SEGMENT_BYTES) >> 2) + 7] |= STORED;
  }

  /** The chunk's bytes, which stay as they are. */
  data(place: number): Uint8Array {
    const segment = this.#at(place);
    const offset = place % SEGMENT_BYTES;
    const start = offset + CLOSED_HEADER_BYTES;
    return segment.bytes.subarray(start, start + segment.words[(offset >> 2) + 6]);
  }

  /** Memory that holds nothing at or after `minTimeMs` goes; readers elsewhere keep theirs. */
  dropBefore(minTimeMs: number): void {
    for (const [number, segment] of this.#segments) {
      if (segment.maxTimeMs >= minTimeMs) continue;
      this.#segments.delete(number);
      this.#sizeBytes -= segment.bytes.length;
      if (segment === this.#current) this.#current = undefined;
    }
  }

  /** The memory that holds `place`, and the place's offset in it. */
  locate(place: number): { buffer: SharedArrayBuffer; offset: number; length: number } {
    const { buffer, words } = this.#at(place);
    const offset = place % SEGMENT_BYTES;
    return { buffer, offset: offset + CLOSED_HEADER_BYTES, length: words[(offset >> 2) + 6] };
  }

  #addSegment(sizeBytes: number): Segment {
    const buffer = new SharedArrayBuffer(sizeBytes);
    this.#sizeBytes += sizeBytes;
    const segment: Segment = {
      buffer,
      bytes: new Uint8Array(buffer),
      doubles: new Float64Array(buffer),
      words: new Uint32Array(buffer),
      usedBytes: 0,
      maxTimeMs: -Infinity,
    };
    this.#segments.set(this.#nextSegment++, segment);
    this.#current = segment;
    return segment;
  }

  #at(place: number): Segment {
    const segment = this.#segments.get(Math.floor(place / SEGMENT_BYTES));
    assert(segment !== undefined, 'a chunk of the head is gone');
    return segment;
  }
}
