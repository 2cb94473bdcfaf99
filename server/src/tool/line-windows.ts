import type { File } from '../base/ports/fs.ts';

/** Holds any line that a parser takes, and enough lines that a window costs nothing. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const NEWLINE = 10;

/**
 * A text file in pieces of whole lines, the next of which is read while one is used. A line longer
 * than a window comes in pieces that do not end in a line end.
 */
export class LineWindows {
  /** The current lines; valid until `next`. */
  lines: Uint8Array = new Uint8Array(0);
  /** Where they begin in the file. */
  position: number;
  readonly #file: File;
  readonly #sizeBytes: number;
  #bytes = new Uint8Array(WINDOW_BYTES);
  #other = new Uint8Array(WINDOW_BYTES);
  /** How much of `#bytes` is filled once `#reading` has ended. */
  #reading: Promise<number> | undefined;
  #nextPosition: number;

  /** @param position where to begin: the start of a line */
  constructor(file: File, sizeBytes: number, position: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.position = position;
    this.#nextPosition = position;
  }

  /** Whether the current lines are the last of the file. */
  get isLast(): boolean {
    return this.#nextPosition >= this.#sizeBytes;
  }

  /** Goes to the next lines; false at the end of the file. */
  async next(): Promise<boolean> {
    const filled = await (this.#reading ?? this.#read(this.#bytes, 0, this.#nextPosition));
    this.#reading = undefined;
    if (filled === 0) return false;
    const bytes = this.#bytes;
    const isEnd = this.#nextPosition + filled >= this.#sizeBytes;
    const lastLineEnd = bytes.subarray(0, filled).lastIndexOf(NEWLINE) + 1;
    const length = isEnd || lastLineEnd === 0 ? filled : lastLineEnd;
    this.lines = bytes.subarray(0, length);
    this.position = this.#nextPosition;
    this.#nextPosition += length;
    if (!this.isLast) {
      const rest = bytes.subarray(length, filled);
      this.#other.set(rest);
      this.#reading = this.#read(this.#other, rest.length, this.#nextPosition + rest.length);
      // Whoever calls next gets the error.
      this.#reading.catch(() => undefined);
    }
    [this.#bytes, this.#other] = [this.#other, bytes];
    return true;
  }

  /** Waits for what is being read, so that the file can be closed. */
  async settle(): Promise<void> {
    await this.#reading?.catch(() => undefined);
  }

  async #read(into: Uint8Array, start: number, offset: number): Promise<number> {
    return start + (await this.#file.read(into.subarray(start), offset));
  }
}

/** Number of line ends before `position`: for messages, since it reads the file. */
export async function countLines(file: File, position: number): Promise<number> {
  const bytes = new Uint8Array(WINDOW_BYTES);
  let count = 0;
  for (let at = 0; at < position;) {
    const length = Math.min(await file.read(bytes, at), position - at);
    if (length === 0) break;
    for (let i = 0; i < length; i++) if (bytes[i] === NEWLINE) count++;
    at += length;
  }
  return count;
}
