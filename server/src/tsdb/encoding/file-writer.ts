import type { File } from '../../base/ports/fs.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';

/** Bytes collected before they are written. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Writes a file from front to end through one buffer. Codecs write into `buffer` without waiting
 * and call `settle` where they can wait.
 */
export class FileWriter {
  readonly buffer = new ByteWriter(BUFFER_BYTES + BUFFER_BYTES / 4);
  readonly #file: File;
  #flushedBytes = 0;

  constructor(file: File) {
    this.#file = file;
  }

  /** Offset in the file of the next byte. */
  get position(): number {
    return this.#flushedBytes + this.buffer.length;
  }

  /** Adds zero bytes up to a multiple of `alignment`. */
  align(alignment: number): void {
    while (this.position % alignment !== 0) this.buffer.u8(0);
  }

  /** Whether `settle` would write: callers in hot loops ask first and save an await. */
  get isFull(): boolean {
    return this.buffer.length >= BUFFER_BYTES;
  }

  /** Writes the buffer out when it is full. */
  async settle(): Promise<void> {
    if (this.isFull) await this.#flush();
  }

  /** Writes all, syncs and closes. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
  }

  /** Closes without caring for the contents. */
  async abandon(): Promise<void> {
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    if (this.buffer.length === 0) return;
    await this.#file.write(this.buffer.borrow());
    this.#flushedBytes += this.buffer.length;
    this.buffer.reset();
  }
}
