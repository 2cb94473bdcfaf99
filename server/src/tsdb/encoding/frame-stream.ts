/**
 * Takes one frame that begins at `at`: returns how many bytes it has when it is whole before `end`, else
 * minus the bytes that it has at least.
 */
export type FrameTaker = (bytes: Uint8Array, at: number, end: number) => number;

/**
 * Cuts a stream of pieces into frames. A frame that is whole in a piece is taken where it lies; only
 * one that reaches over an edge is copied together.
 */
export class FrameStream {
  readonly #take: FrameTaker;
  #held = new Uint8Array(1024);
  #heldBytes = 0;
  #wanted = 1;

  constructor(take: FrameTaker) {
    this.#take = take;
  }

  /** Whether a frame has begun and not ended. */
  get isInside(): boolean {
    return this.#heldBytes > 0;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (this.#heldBytes > 0 && at < end) at = this.#complete(bytes, at, end);
    while (at < end) {
      const size = this.#take(bytes, at, end);
      if (size > 0) {
        at += size;
      } else {
        this.#wanted = -size;
        at = this.#hold(bytes, at, end);
      }
    }
  }

  /** Adds what the held frame lacks, which may turn out to be more than was known before. */
  #complete(bytes: Uint8Array, at: number, end: number): number {
    const next = this.#hold(bytes, at, Math.min(end, at + this.#wanted - this.#heldBytes));
    if (this.#heldBytes < this.#wanted) return next;
    const size = this.#take(this.#held, 0, this.#heldBytes);
    if (size > 0) this.#heldBytes = 0;
    else this.#wanted = -size;
    return next;
  }

  #hold(bytes: Uint8Array, at: number, end: number): number {
    const heldBytes = this.#heldBytes + end - at;
    if (heldBytes > this.#held.length) {
      const grown = new Uint8Array(Math.max(heldBytes, 2 * this.#held.length));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(bytes.subarray(at, end), this.#heldBytes);
    this.#heldBytes = heldBytes;
    return end;
  }
}
