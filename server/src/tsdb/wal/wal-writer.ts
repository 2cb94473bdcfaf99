import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import type { File, Fs } from '../../base/ports/fs.ts';
import {
  FRAGMENT_FIRST,
  FRAGMENT_FULL,
  FRAGMENT_HEADER_BYTES,
  FRAGMENT_LAST,
  FRAGMENT_MIDDLE,
  PAGE_BYTES,
  segmentFileName,
} from './segments.ts';

// Writes the log; layout in ./format.md. Mirrors Prometheus tsdb/wlog/wlog.go, without compression.

/** What is collected for one write; the buffer for it stays. */
const WRITE_BYTES_MAX = 1024 * 1024;

/**
 * Appends records to segments. One call at a time. After an error the file ends where it ended
 * before the call, so that the next call can try again and readers never meet half a record.
 */
export class WalWriter {
  readonly #fs: Fs;
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #frames = new ByteWriter(64 * 1024);
  #segment: number;
  #file: File | undefined;
  /** Of the open file. */
  #fileId: string | undefined;
  /** Length of the segment up to the last batch that was written whole. */
  #sizeBytes = 0;
  /** Whether bytes of a failed batch may lie behind `#sizeBytes`. */
  #isDirty = false;
  #syncs = 0;
  #writtenBytes = 0;

  /** @param firstSegment number of the segment to begin; made by the first write */
  constructor(fs: Fs, dir: string, firstSegment: number, segmentBytes: number) {
    this.#fs = fs;
    this.#dir = dir;
    this.#segment = firstSegment;
    this.#segmentBytes = segmentBytes;
  }

  /** Number of the segment that the next record goes to. */
  get segment(): number {
    return this.#segment;
  }

  get path(): string {
    return `${this.#dir}/${segmentFileName(this.#segment)}`;
  }

  /** Whether the open segment, if there is one, still is the file of its name. */
  async isInPlace(): Promise<boolean> {
    if (this.#file === undefined) return true;
    return (await this.#fs.stat(this.path))?.id === this.#fileId;
  }

  /** Goes on in another segment; the present one, which nobody may find again, is left as it is. */
  async restart(segment: number): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#sizeBytes = 0;
    this.#isDirty = false;
    this.#segment = segment;
    await file?.close().catch(() => undefined);
  }

  /** Syncs that succeeded since the start. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Bytes of records, with their frames, that were written and synced since the start. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /**
   * Writes the records, mostly with one call to the disk: when it resolves, all are safe. Rejects when
   * none of them are.
   */
  async append(records: readonly Uint8Array[]): Promise<void> {
    const neededBytes = records.reduce((sum, { length }) => sum + framedBytesMax(length), 0);
    // All go into one segment, so that an error is undone by cutting one file.
    if (this.#sizeBytes > 0 && this.#sizeBytes + neededBytes > this.#segmentBytes) await this.cut();
    const file = this.#file ?? (await this.#openSegment());
    if (this.#isDirty) {
      await file.truncate(this.#sizeBytes);
      this.#isDirty = false;
    }
    let end = this.#sizeBytes;
    this.#isDirty = true;
    try {
      this.#frames.reset();
      for (const [i, record] of records.entries()) {
        this.#frame(record, end);
        if (this.#frames.length < WRITE_BYTES_MAX && i < records.length - 1) continue;
        await file.write(this.#frames.borrow(), end);
        end += this.#frames.length;
        this.#frames.reset();
      }
    } catch (error) {
      // When this fails too, the next append tries again before it writes.
      await file.truncate(this.#sizeBytes).then(
        () => (this.#isDirty = false),
        () => undefined,
      );
      throw error;
    }
    this.#syncs++;
    this.#writtenBytes += end - this.#sizeBytes;
    this.#sizeBytes = end;
    this.#isDirty = false;
  }

  /** Ends the current segment; does nothing when it is empty. Returns the number of the new one. */
  async cut(): Promise<number> {
    const file = this.#file;
    if (file === undefined || this.#sizeBytes === 0) return this.#segment;
    if (this.#isDirty) await file.truncate(this.#sizeBytes);
    this.#isDirty = false;
    const padding = (PAGE_BYTES - (this.#sizeBytes % PAGE_BYTES)) % PAGE_BYTES;
    if (padding > 0) {
      this.#isDirty = true;
      await file.write(new Uint8Array(padding), this.#sizeBytes);
      this.#sizeBytes += padding;
      this.#isDirty = false;
    }
    this.#file = undefined;
    this.#sizeBytes = 0;
    this.#segment++;
    await file.close();
    return this.#segment;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      if (this.#isDirty) await file.truncate(this.#sizeBytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #openSegment(): Promise<File> {
    const file = await this.#fs.open(this.path, 'log');
    try {
      this.#fileId = (await this.#fs.stat(this.path))?.id;
      // Without this a power cut takes the file away, however often it was synced.
      await this.#fs.syncDir(this.#dir);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    this.#sizeBytes = 0;
    return file;
  }

  /** @param base offset in the segment where the frames begin */
  #frame(record: Uint8Array, base: number): void {
    const out = this.#frames;
    let at = 0;
    let isFirst = true;
    do {
      let room = PAGE_BYTES - ((base + out.length) % PAGE_BYTES);
      if (room < FRAGMENT_HEADER_BYTES) {
        for (; room > 0; room--) out.u8(0);
        room = PAGE_BYTES;
      }
      const length = Math.min(room - FRAGMENT_HEADER_BYTES, record.length - at);
      const isLast = at + length === record.length;
      // The first one is empty where its header alone fills the page.
      if (isFirst) out.u8(isLast ? FRAGMENT_FULL : FRAGMENT_FIRST);
      else out.u8(isLast ? FRAGMENT_LAST : FRAGMENT_MIDDLE);
      isFirst = false;
      out.u16(length);
      out.u32(crc32c(record, at, at + length));
      out.raw(record.subarray(at, at + length));
      at += length;
    } while (at < record.length);
  }
}

/** Most bytes that a record takes: a header in each page that it touches, and padding before it. */
function framedBytesMax(recordBytes: number): number {
  const pages = Math.ceil(recordBytes / (PAGE_BYTES - FRAGMENT_HEADER_BYTES)) + 1;
  return recordBytes + (pages + 1) * FRAGMENT_HEADER_BYTES;
}
