import type { File } from '../../base/ports/fs.ts';

/** What a first read, or one after a jump, takes: enough for a few chunks or series. */
const FIRST_BYTES = 16 * 1024;
/** Read at once by those who go through a file from front to end. */
const WINDOW_BYTES = 256 * 1024;

/**
 * The stretch of a file that is in memory. It grows while its reader moves forward and shrinks after
 * a jump. Each load takes new memory, so views of the old one stay valid for as long as they are
 * held.
 */
export class FileWindow {
  /** What is in memory. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Offset in the file of the first byte. */
  start = 0;
  readonly #file: File;
  #nextBytes = FIRST_BYTES;

  constructor(file: File) {
    this.#file = file;
  }

  /** Position in `bytes` of an offset in the file; -1 when `wanted` bytes from there are not here. */
  find(offset: number, wanted: number): number {
    const at = offset - this.start;
    return at >= 0 && at + wanted <= this.bytes.length ? at : -1;
  }

  /**
   * Reads `wanted` bytes at `offset`, and more. What lies behind the end of the file is missing:
   * `find` tells.
   */
  async load(offset: number, wanted: number): Promise<void> {
    const end = this.start + this.bytes.length;
    const isForward = offset >= this.start && offset <= end + FIRST_BYTES && end > 0;
    this.#nextBytes = isForward ? Math.min(this.#nextBytes * 2, WINDOW_BYTES) : FIRST_BYTES;
    const bytes = new Uint8Array(Math.max(wanted, this.#nextBytes));
    const found = await this.#file.read(bytes, offset);
    this.bytes = bytes.subarray(0, found);
    this.start = offset;
  }
}
