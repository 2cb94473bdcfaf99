import { crc32c } from '../../base/bytes/crc32c.ts';
import { assert } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { FileWriter } from '../encoding/file-writer.ts';

// Writes the chunk files of a block, as Prometheus tsdb/chunks/chunks.go; layout in ./format.md.

export const CHUNKS_MAGIC = 0x85bd40dd;
export const CHUNKS_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 8;
/** Prometheus' own limit: offsets of chunks have 32 bits, and it maps files into memory. */
export const SEGMENT_BYTES_MAX = 512 * 1024 * 1024;
/** Room that Prometheus counts for a chunk besides its data: 5 of length, 1 encoding, 4 CRC. */
const CHUNK_OVERHEAD_BYTES = 10;

const TWO_32 = 4294967296;

export interface ChunkInput {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly encoding: number;
  readonly data: Uint8Array;
}

/** The name of the `index`-th segment, counted from 0. */
export function segmentName(index: number): string {
  return String(index + 1).padStart(6, '0');
}

/** Writes chunks one behind the other into `<dir>/000001`, … */
export class SegmentWriter {
  readonly #fs: Fs;
  readonly #dir: string;
  readonly #segmentBytesMax: number;
  #writer: FileWriter | undefined;
  #segments = 0;
  #crcInput = new Uint8Array(1);

  constructor(fs: Fs, dir: string, segmentBytesMax: number = SEGMENT_BYTES_MAX) {
    this.#fs = fs;
    this.#dir = dir;
    this.#segmentBytesMax = segmentBytesMax;
  }

  /**
   * Makes room for the next chunks, which are kept in one segment where that is possible, as
   * Prometheus keeps those of one series. Call before `write`.
   */
  async prepare(chunks: readonly ChunkInput[]): Promise<void> {
    let sizeBytes = 0;
    for (const { data } of chunks) sizeBytes += data.length + CHUNK_OVERHEAD_BYTES;
    const writer = this.#writer;
    if (writer === undefined) {
      await this.#cut();
    } else if (
      writer.position > SEGMENT_HEADER_BYTES &&
      writer.position + sizeBytes > this.#segmentBytesMax
    ) {
      await this.#cut();
    } else if (writer.isFull) {
      await writer.settle();
    }
  }

  /** Adds a chunk; returns its reference: segment times 2^32 plus offset. */
  write(chunk: ChunkInput): number {
    const writer = this.#writer;
    assert(writer !== undefined, 'SegmentWriter.write before prepare');
    const reference = (this.#segments - 1) * TWO_32 + writer.position;
    const out = writer.buffer;
    out.uvarint(chunk.data.length);
    out.u8(chunk.encoding);
    out.raw(chunk.data);
    this.#crcInput[0] = chunk.encoding;
    out.u32(crc32c(chunk.data, 0, chunk.data.length, crc32c(this.#crcInput)));
    return reference;
  }

  /** Syncs and closes the last segment. */
  async finish(): Promise<void> {
    await this.#writer?.finish();
    this.#writer = undefined;
  }

  async abandon(): Promise<void> {
    await this.#writer?.abandon();
    this.#writer = undefined;
  }

  async #cut(): Promise<void> {
    await this.finish();
    const name = segmentName(this.#segments++);
    const writer = new FileWriter(await this.#fs.open(`${this.#dir}/${name}`, 'create'));
    writer.buffer.u32(CHUNKS_MAGIC);
    writer.buffer.u8(CHUNKS_VERSION);
    writer.align(SEGMENT_HEADER_BYTES);
    this.#writer = writer;
  }
}
