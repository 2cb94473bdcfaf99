import type { File } from '../../base/ports/fs.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';

/** Bytes collected before they are written. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Writes a file from front to end through two buffers: one is filled while the other is written.
 * Codecs write into `buffer` without waiting and call `settle` where they can wait; what they hold of
 * `buffer` is of no use after that.
 */
export class FileWriter {
  readonly #file: File;
  #buffer = makeBuffer();
  #spare: ByteWriter | undefined;
  #writing: Promise<void> | undefined;
  #handedOutBytes = 0;
  #isClosed = false;

  constructor(file: File) {
    this.#file = file;
  }

  get buffer(): ByteWriter {
    return this.#buffer;
  }

  /** Offset in the file of the next byte. */
  get position(): number {
    return this.#handedOutBytes + this.#buffer.length;
  }

  /** Adds zero bytes up to a multiple of `alignment`. */
  align(alignment: number): void {
    while (this.position % alignment !== 0) this.#buffer.u8(0);
  }

  /** Whether `settle` would write: callers in hot loops ask first and save an await. */
  get isFull(): boolean {
    return this.#buffer.length >= BUFFER_BYTES;
  }

  /** Hands the buffer out when it is full; rejects with the error of the write before. */
  async settle(): Promise<void> {
    if (this.isFull) await this.#handOut();
  }

  /** Writes all, syncs and closes; after an error it is closed too. */
  async finish(): Promise<void> {
    try {
      if (this.#buffer.length > 0) await this.#handOut();
      await this.#writing;
      await this.#file.sync();
    } catch (error) {
      await this.abandon().catch(() => undefined);
      throw error;
    }
    await this.#close();
  }

  /** Closes without caring for the contents; fine after `finish`. */
  async abandon(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    await this.#close();
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }

  async #handOut(): Promise<void> {
    await this.#writing;
    const full = this.#buffer;
    this.#buffer = this.#spare ?? makeBuffer();
    this.#buffer.reset();
    this.#spare = full;
    this.#handedOutBytes += full.length;
    this.#writing = this.#file.write(full.borrow());
    // Whoever waits next gets the error.
    this.#writing.catch(() => undefined);
  }
}

function makeBuffer(): ByteWriter {
  return new ByteWriter(BUFFER_BYTES + BUFFER_BYTES / 4);
}
