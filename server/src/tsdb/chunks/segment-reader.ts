import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';
import type { File, Fs } from '../../base/ports/fs.ts';
import { FileWindow } from '../encoding/file-window.ts';
import {
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './segment-writer.ts';

// Reads chunks of a block by reference; layout in ./format.md.

const TWO_32 = 4294967296;
/** Longest length (5) and encoding (1) in front of the data, CRC (4) behind it. */
const FRAME_BYTES_MAX = 10;
const LENGTH_BYTES_MAX = 5;
const CRC_BYTES = 4;
/** No chunk that Prometheus writes comes near; a longer one is damage. */
const CHUNK_BYTES_MAX = 16 * 1024 * 1024;

export interface ChunkOnDisk {
  readonly encoding: number;
  /** Does not change. It keeps the stretch of the file alive that was read with it. */
  readonly data: Uint8Array;
}

interface OpenSegment {
  readonly file: File;
  readonly window: FileWindow;
}

/** The chunk files of one block. Each file is opened when it is first needed. */
export class SegmentReader {
  readonly #fs: Fs;
  readonly #dir: string;
  readonly #segments = new Map<number, OpenSegment>();
  /** Bytes that the chunk of the last `peek` takes, as far as is known. */
  #wanted = FRAME_BYTES_MAX;

  constructor(fs: Fs, dir: string) {
    this.#fs = fs;
    this.#dir = dir;
  }

  /** The chunk when it is in memory already: most are, when they are read in their order. */
  peek(ref: number): ChunkOnDisk | undefined {
    const window = this.#segments.get(Math.floor(ref / TWO_32))?.window;
    this.#wanted = FRAME_BYTES_MAX;
    if (window === undefined) return undefined;
    const { bytes } = window;
    const first = window.find(ref % TWO_32, 1);
    if (first < 0) return undefined;
    let at = first;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (at === bytes.length) return undefined;
      if (at - first === LENGTH_BYTES_MAX) throw this.#damaged(ref, 'its length never ends');
      const byte = bytes[at++];
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length > CHUNK_BYTES_MAX) throw this.#damaged(ref, 'it is too long');
    const end = at + 1 + length;
    this.#wanted = end + CRC_BYTES - first;
    if (end + CRC_BYTES > bytes.length) return undefined;
    const expected =
      (bytes[end] << 24) | (bytes[end + 1] << 16) | (bytes[end + 2] << 8) | bytes[end + 3];
    if ((crc32c(bytes, at, end) | 0) !== expected) {
      throw new CodedError('ERR_CRC', 'the checksum of a chunk does not match', {
        path: this.#pathOf(ref),
        offset: ref % TWO_32,
      });
    }
    return { encoding: bytes[at], data: bytes.subarray(at + 1, end) };
  }

  /** @param ref segment times 2^32 plus offset, from the index */
  async read(ref: number): Promise<ChunkOnDisk> {
    const segment = Math.floor(ref / TWO_32);
    const { window } = this.#segments.get(segment) ?? (await this.#open(segment));
    // The first look may only tell how long the chunk is.
    for (let attempt = 0; attempt < 3; attempt++) {
      const chunk = this.peek(ref);
      if (chunk !== undefined) return chunk;
      await window.load(ref % TWO_32, this.#wanted);
    }
    throw this.#damaged(ref, 'it ends behind the file');
  }

  async close(): Promise<void> {
    const segments = [...this.#segments.values()];
    this.#segments.clear();
    for (const { file } of segments) await file.close();
  }

  async #open(segment: number): Promise<OpenSegment> {
    const path = `${this.#dir}/${segmentName(segment)}`;
    const file = await this.#fs.open(path, 'read');
    const header = new Uint8Array(SEGMENT_HEADER_BYTES);
    const readBytes = await file.read(header, 0);
    const reader = new ByteReader(header);
    if (
      readBytes < header.length ||
      reader.u32() !== CHUNKS_MAGIC ||
      reader.u8() !== CHUNKS_VERSION
    ) {
      await file.close();
      throw new CodedError('ERR_CHUNK_FILE', 'not a chunk file of version 1', { path });
    }
    const opened = { file, window: new FileWindow(file) };
    this.#segments.set(segment, opened);
    return opened;
  }

  #pathOf(ref: number): string {
    return `${this.#dir}/${segmentName(Math.floor(ref / TWO_32))}`;
  }

  #damaged(ref: number, reason: string): CodedError {
    return new CodedError('ERR_CHUNK_FILE', `a chunk cannot be read: ${reason}`, {
      path: this.#pathOf(ref),
      offset: ref % TWO_32,
    });
  }
}
