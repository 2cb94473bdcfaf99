/** Pieces smaller than this are copied together instead of being kept one by one. */
const COPY_BELOW_BYTES = 4 * 1024;
const BLOCK_BYTES_MAX = 32 * 1024;

/**
 * The bytes of one stream that nobody has read yet. The window bounds their number; this class
 * bounds what they cost: a small piece kept as a view would hold the whole chunk that it came in,
 * and a thousand pieces of one byte a thousand objects. So small pieces are copied into blocks,
 * and only pieces that are most of their chunk stay views.
 */
export class ReceiveBuffer {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Block behind the last chunk, when small pieces are being collected in it. */
  #block: Uint8Array | undefined;

  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    this.#length += piece.length;
    if (piece.length >= COPY_BELOW_BYTES && piece.length * 2 >= piece.buffer.byteLength) {
      this.#block = undefined;
      this.#chunks.push(piece);
      return;
    }
    if (!this.#appendToBlock(piece)) this.#chunks.push(this.#startBlock(piece));
  }

  /** The oldest bytes, which are the caller's from now on, or undefined when there are none. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    if (this.#chunks.length === 0) this.#block = undefined;
    this.#length -= chunk.length;
    return chunk;
  }

  clear(): void {
    this.#chunks = [];
    this.#block = undefined;
    this.#length = 0;
  }

  #appendToBlock(piece: Uint8Array): boolean {
    const block = this.#block;
    if (block === undefined) return false;
    const last = this.#chunks[this.#chunks.length - 1];
    if (last.length + piece.length > block.length) return false;
    block.set(piece, last.length);
    this.#chunks[this.#chunks.length - 1] = block.subarray(0, last.length + piece.length);
    return true;
  }

  /** A lone piece gets what it needs; pieces that pile up get blocks that double in size. */
  #startBlock(piece: Uint8Array): Uint8Array {
    const last = this.#chunks[this.#chunks.length - 1];
    const wanted = last === undefined ? 0 : Math.min(last.length * 2, BLOCK_BYTES_MAX);
    const block = new Uint8Array(Math.max(piece.length, wanted));
    block.set(piece);
    this.#block = block;
    return block.subarray(0, piece.length);
  }
}
