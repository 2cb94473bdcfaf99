const PIECE_BYTES = 256 * 1024;

/**
 * Copies of pieces, for streams that hold on to what they were given. The memory of one that has come
 * out at the other end is used again: V8 lets 64 MiB of dropped buffers pile up before it looks for
 * them.
 */
export class PieceMemory {
  readonly #free: ArrayBuffer[] = [];
  /** Weakly: what does not come back, of a zip for instance, is nobody's to keep. */
  readonly #lent = new WeakSet<ArrayBuffer>();

  /** The bytes of `source`; each of its pieces has been copied when the next one is pulled. */
  async *copies(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
    for await (const piece of source) {
      for (let offset = 0; offset < piece.length; offset += PIECE_BYTES) {
        yield this.#copy(piece.subarray(offset, offset + PIECE_BYTES));
      }
    }
  }

  /** Takes back a copy that nobody looks at any more; what is none is left alone. */
  giveBack({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && this.#lent.delete(buffer)) this.#free.push(buffer);
  }

  #copy(piece: Uint8Array): Uint8Array {
    const memory = this.#free.pop() ?? new ArrayBuffer(PIECE_BYTES);
    this.#lent.add(memory);
    const copy = new Uint8Array(memory, 0, piece.length);
    copy.set(piece);
    return copy;
  }
}
