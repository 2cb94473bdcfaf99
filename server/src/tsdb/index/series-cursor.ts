import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';
import type { File } from '../../base/ports/fs.ts';
import { FileWindow } from '../encoding/file-window.ts';
import { readChunkMetas } from './index-reader.ts';
import type { ChunkMeta } from './index-writer.ts';

// Reads series of an index on disk; layout in ./format.md.

const SERIES_ALIGNMENT = 16;
/** Longest length field. */
const LENGTH_BYTES_MAX = 5;
const CRC_BYTES = 4;
/** Enough for most series; the length tells when it is not. */
const GUESS_BYTES = 512;
/** Far more than the labels and chunks of any series need; a longer one is damage. */
const SERIES_BYTES_MAX = 64 * 1024 * 1024;

/** Goes through some series of an index, best in ascending order. */
export class SeriesCursor {
  /** The current series' labels: symbol references of name and value in turn. */
  labelRefs: number[] = [];
  chunks: readonly ChunkMeta[] = [];
  /** Reference of the current series. */
  ref = 0;
  readonly #path: string;
  readonly #refs: ArrayLike<number>;
  readonly #window: FileWindow;
  #reader = new ByteReader(new Uint8Array(0));
  #index = 0;
  #wanted = GUESS_BYTES;

  constructor(file: File, path: string, refs: ArrayLike<number>) {
    this.#path = path;
    this.#refs = refs;
    this.#window = new FileWindow(file);
  }

  /** Goes to the next series; false at the end. Most answers come without waiting. */
  next(): boolean | Promise<boolean> {
    if (this.#index >= this.#refs.length) return false;
    this.ref = this.#refs[this.#index++];
    this.#wanted = GUESS_BYTES;
    return this.#decode() ? true : this.#load();
  }

  async #load(): Promise<boolean> {
    const offset = this.ref * SERIES_ALIGNMENT;
    for (let attempt = 0; attempt < 2; attempt++) {
      await this.#window.load(offset, this.#wanted);
      this.#reader = new ByteReader(this.#window.bytes);
      if (this.#decode()) return true;
    }
    throw this.#damaged('it ends behind the file');
  }

  /** Whether the series is in memory as a whole. */
  #decode(): boolean {
    const start = this.#window.find(this.ref * SERIES_ALIGNMENT, 1);
    if (start < 0) return false;
    const reader = this.#reader;
    if (reader.end - start < LENGTH_BYTES_MAX) return false;
    reader.offset = start;
    const length = reader.uvarint();
    if (length > SERIES_BYTES_MAX) throw this.#damaged('it is too long');
    const body = reader.offset;
    const end = body + length;
    this.#wanted = end + CRC_BYTES - start;
    if (end + CRC_BYTES > reader.end) return false;
    reader.offset = end;
    if (crc32c(reader.bytes, body, end) !== reader.u32()) {
      throw new CodedError('ERR_CRC', 'the checksum of a series does not match', {
        path: this.#path,
        seriesRef: this.ref,
      });
    }
    reader.offset = body;
    const labelRefs: number[] = [];
    for (let left = reader.uvarint() * 2; left > 0; left--) labelRefs.push(reader.uvarint());
    this.labelRefs = labelRefs;
    this.chunks = readChunkMetas(reader);
    if (reader.offset > end) throw this.#damaged('its parts are longer than the whole');
    return true;
  }

  #damaged(reason: string): CodedError {
    return new CodedError('ERR_INDEX', `an index is damaged: a series cannot be read: ${reason}`, {
      path: this.#path,
      seriesRef: this.ref,
    });
  }
}
