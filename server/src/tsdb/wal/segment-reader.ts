import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { decodeSnappy } from '../../base/compress/snappy.ts';
import { CodedError } from '../../base/errors.ts';
import type { File, Fs } from '../../base/ports/fs.ts';
import { WAL_RECORD_BYTES_MAX } from '../limits.ts';
import {
  FRAGMENT_FIRST,
  FRAGMENT_FULL,
  FRAGMENT_HEADER_BYTES,
  FRAGMENT_LAST,
  FRAGMENT_MIDDLE,
  FRAGMENT_PAGE_END,
  FRAGMENT_SNAPPY,
  FRAGMENT_TYPE_MASK,
  FRAGMENT_ZSTD,
  PAGE_BYTES,
} from './segments.ts';

// Reads one segment; layout in ./format.md. Mirrors Prometheus tsdb/wlog/reader.go.

/** Whole pages, so that no fragment crosses the window's end. */
const WINDOW_BYTES = 32 * PAGE_BYTES;

/**
 * `while (await load()) while (next()) use(record)`. A record that does not fit its checksum or its
 * place throws `ERR_WAL_CORRUPT`; one that the end of the file cuts off throws `ERR_WAL_TORN`. Both
 * carry `offset`: where the record begins, so that everything before it is good.
 */
export class WalSegmentReader {
  /** The current record, valid until `next`. */
  record: Uint8Array = new Uint8Array(0);
  /** Records packed with zstd, which we do not read; they are skipped. */
  zstdRecords = 0;

  readonly #file: File;
  readonly #path: string;
  readonly #fileBytes: number;
  #window: Uint8Array;
  /** Takes the pages behind the window while those in it are used. */
  #spare: Uint8Array;
  #ahead: Promise<number> | undefined;
  #windowStart = 0;
  #windowLength = 0;
  /** Of the first window: what lies before the place to begin at. */
  #skipBytes: number;
  #at = 0;
  /** Fragments of the record that is being put together. */
  readonly #parts = new ByteWriter(PAGE_BYTES);
  #inRecord = false;
  #recordStart = 0;
  #unpacked: Uint8Array = new Uint8Array(0);

  private constructor(file: File, path: string, fileBytes: number, offset: number) {
    this.#file = file;
    // Windows begin at pages.
    this.#windowStart = offset - (offset % PAGE_BYTES);
    this.#skipBytes = offset % PAGE_BYTES;
    this.#path = path;
    this.#fileBytes = fileBytes;
    const pages = Math.ceil(fileBytes / PAGE_BYTES);
    const windowBytes = Math.min(WINDOW_BYTES, Math.max(1, pages) * PAGE_BYTES);
    this.#window = new Uint8Array(windowBytes);
    this.#spare = new Uint8Array(windowBytes < fileBytes ? windowBytes : 0);
  }

  /** @param offset where a record begins */
  static async open(fs: Fs, path: string, offset = 0): Promise<WalSegmentReader> {
    const file = await fs.open(path, 'read');
    try {
      return new WalSegmentReader(file, path, await file.size(), offset);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Where the current record begins. */
  get recordOffset(): number {
    return this.#recordStart;
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => undefined);
    await this.#file.close();
  }

  /** Goes to the next pages; false at the end of the file. */
  async load(): Promise<boolean> {
    this.#windowStart += this.#windowLength;
    this.#at = this.#skipBytes;
    this.#skipBytes = 0;
    const ahead = this.#ahead;
    if (ahead === undefined) {
      this.#windowLength = await this.#file.read(this.#window, this.#windowStart);
    } else {
      this.#ahead = undefined;
      this.#windowLength = 0;
      this.#windowLength = await ahead;
      [this.#window, this.#spare] = [this.#spare, this.#window];
    }
    const next = this.#windowStart + this.#windowLength;
    if (this.#windowLength > 0 && next < this.#fileBytes) {
      this.#ahead = this.#file.read(this.#spare, next);
      // Whoever calls load next gets the error.
      this.#ahead.catch(() => undefined);
    }
    if (this.#windowLength > this.#at) return true;
    if (this.#inRecord) throw this.#torn('the file ends within a record');
    return false;
  }

  /** Goes to the next record in the pages that were loaded. */
  next(): boolean {
    const window = this.#window;
    for (;;) {
      const at = this.#at;
      const left = this.#windowLength - at;
      if (left === 0) return false;
      if (!this.#inRecord) this.#recordStart = this.#windowStart + at;
      const leftOfPage = Math.min(PAGE_BYTES - (at % PAGE_BYTES), left);
      const type = window[at];
      if (leftOfPage < FRAGMENT_HEADER_BYTES || type === FRAGMENT_PAGE_END) {
        this.#skipPadding(at, leftOfPage);
        continue;
      }
      const length = (window[at + 1] << 8) | window[at + 2];
      const start = at + FRAGMENT_HEADER_BYTES;
      if (length > leftOfPage - FRAGMENT_HEADER_BYTES) {
        if (this.#isLastPage(at)) throw this.#torn('the file ends within a fragment');
        throw this.#corrupt('a fragment is longer than its page', { length });
      }
      const end = start + length;
      const expected =
        (window[at + 3] << 24) | (window[at + 4] << 16) | (window[at + 5] << 8) | window[at + 6];
      if ((crc32c(window, start, end) | 0) !== expected) {
        throw this.#corrupt('the checksum of a fragment does not match', {});
      }
      this.#at = end;
      if (this.#take(type, start, end)) return true;
    }
  }

  /** The error for a record that is whole but makes no sense to its reader. */
  unusable(cause: unknown): CodedError {
    return this.#corrupt('a record cannot be understood', {}, cause);
  }

  /** Adds a fragment; true when the record is whole and can be used. */
  #take(flags: number, start: number, end: number): boolean {
    const type = flags & FRAGMENT_TYPE_MASK;
    const isKnown = (flags & ~(FRAGMENT_TYPE_MASK | FRAGMENT_SNAPPY | FRAGMENT_ZSTD)) === 0;
    const isFirst = type === FRAGMENT_FULL || type === FRAGMENT_FIRST;
    if (!isKnown || type > FRAGMENT_LAST || isFirst === this.#inRecord) {
      throw this.#corrupt('a fragment of an unexpected type', { type: flags });
    }
    const piece = this.#window.subarray(start, end);
    if (type === FRAGMENT_FULL) return this.#unpack(flags, piece);
    if (isFirst) this.#parts.reset();
    if (this.#parts.length + piece.length > WAL_RECORD_BYTES_MAX) {
      throw this.#corrupt('a record is too long', {});
    }
    this.#parts.raw(piece);
    this.#inRecord = type === FRAGMENT_FIRST || type === FRAGMENT_MIDDLE;
    return type === FRAGMENT_LAST && this.#unpack(flags, this.#parts.borrow());
  }

  #unpack(flags: number, packed: Uint8Array): boolean {
    if (flags & FRAGMENT_ZSTD) {
      this.zstdRecords++;
      return false;
    }
    this.record = packed;
    if (flags & FRAGMENT_SNAPPY) {
      try {
        this.record = decodeSnappy(packed, WAL_RECORD_BYTES_MAX, this.#unpacked);
      } catch (cause) {
        throw this.#corrupt('a record cannot be unpacked', {}, cause);
      }
      const buffer = this.record;
      if (buffer.buffer !== this.#unpacked.buffer) this.#unpacked = new Uint8Array(buffer.buffer);
    }
    // A record has its type byte at least.
    if (this.record.length === 0) throw this.#corrupt('an empty record', {});
    return true;
  }

  /** The rest of a page is zero, and no record goes on behind it. */
  #skipPadding(at: number, leftOfPage: number): void {
    const end = at + leftOfPage;
    for (let i = at; i < end; i++) {
      if (this.#window[i] === 0) continue;
      if (this.#isLastPage(at)) throw this.#torn('the file ends within a fragment');
      throw this.#corrupt('the end of a page is not empty', {});
    }
    const isEmptyTail = this.#window[at] === 0 && leftOfPage >= FRAGMENT_HEADER_BYTES;
    if (this.#inRecord && isEmptyTail) {
      if (this.#isLastPage(at)) throw this.#torn('the file ends within a record');
      throw this.#corrupt('a page ends within a record', {});
    }
    this.#at = end;
  }

  #isLastPage(at: number): boolean {
    return this.#windowStart + at + PAGE_BYTES - (at % PAGE_BYTES) >= this.#fileBytes;
  }

  #torn(reason: string): CodedError {
    return new CodedError('ERR_WAL_TORN', `the log is cut off: ${reason}`, {
      path: this.#path,
      offset: this.#recordStart,
      sizeBytes: this.#fileBytes,
    });
  }

  #corrupt(reason: string, details: Record<string, number>, cause?: unknown): CodedError {
    return new CodedError(
      'ERR_WAL_CORRUPT',
      `the log is damaged: ${reason}`,
      {
        path: this.#path,
        offset: this.#recordStart,
        at: this.#windowStart + this.#at,
        sizeBytes: this.#fileBytes,
        ...details,
      },
      cause,
    );
  }
}
