import { crc32c } from '../../base/bytes/crc32c.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { FileWriter } from '../encoding/file-writer.ts';
import type { HeadChunk } from './head-chunks.ts';
import {
  HEAD_CHUNKS_HEADER_BYTES,
  HEAD_CHUNKS_MAGIC,
  HEAD_CHUNKS_VERSION,
  headChunkFileName,
} from './head-chunks.ts';

/** Prometheus' own limit. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;
/** Besides the data: reference, times, encoding, length, CRC. */
const CHUNK_OVERHEAD_BYTES = 34;

/** Writes files of `chunks_head`; layout in ./format.md. */
export class HeadChunkWriter {
  readonly #fs: Fs;
  readonly #dir: string;
  #nextFile: number;
  #writer: FileWriter | undefined;

  /** @param firstFile number of the first file; they must follow those that are there without a gap */
  constructor(fs: Fs, dir: string, firstFile: number) {
    this.#fs = fs;
    this.#dir = dir;
    this.#nextFile = firstFile;
  }

  /** Adds a chunk; those of one series come in the order of time. */
  async write({ seriesRef, minTimeMs, maxTimeMs, encoding, data }: HeadChunk): Promise<void> {
    const writer = await this.#writerFor(data.length + CHUNK_OVERHEAD_BYTES);
    const out = writer.buffer;
    const start = out.length;
    out.i64(seriesRef);
    out.i64(minTimeMs);
    out.i64(maxTimeMs);
    out.u8(encoding);
    out.uvarint(data.length);
    out.raw(data);
    out.u32(crc32c(out.borrow(), start, out.length));
    if (writer.isFull) await writer.settle();
  }

  /** Syncs and closes the last file, and makes the names of all survive. */
  async finish(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer === undefined) return;
    await writer.finish();
    await this.#fs.syncDir(this.#dir);
  }

  async abandon(): Promise<void> {
    await this.#writer?.abandon();
    this.#writer = undefined;
  }

  async #writerFor(sizeBytes: number): Promise<FileWriter> {
    const current = this.#writer;
    if (current !== undefined && current.position + sizeBytes <= FILE_BYTES_MAX) return current;
    await this.finish();
    const path = `${this.#dir}/${headChunkFileName(this.#nextFile++)}`;
    const writer = new FileWriter(await this.#fs.open(path, 'create'));
    writer.buffer.u32(HEAD_CHUNKS_MAGIC);
    writer.buffer.u8(HEAD_CHUNKS_VERSION);
    writer.align(HEAD_CHUNKS_HEADER_BYTES);
    this.#writer = writer;
    return writer;
  }
}
