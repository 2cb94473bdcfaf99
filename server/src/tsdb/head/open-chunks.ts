/** Room for open chunks in bytes: multiples of {@link UNIT_BYTES}; the last holds any open chunk. */
const CLASS_BYTES = [64, 128, 192, 256, 384, 512, 768, 1152] as const;
const UNIT_BITS = 6;
const UNIT_BYTES = 1 << UNIT_BITS;
const SLAB_BITS = 18;
const SLAB_BYTES = 1 << SLAB_BITS;
const UNITS_MASK = (1 << (SLAB_BITS - UNIT_BITS)) - 1;

/**
 * Memory for chunks that are still growing: slabs cut into pieces of a few sizes, so that a series
 * costs no object and growing leaves no garbage. A place is a number that stays below 2^31.
 */
export class OpenChunks {
  readonly #slabs: Uint8Array[] = [];
  readonly #free: number[][] = CLASS_BYTES.map(() => []);
  #usedInSlab = SLAB_BYTES;

  get sizeBytes(): number {
    return this.#slabs.length * SLAB_BYTES;
  }

  /** Room in a piece of size class `size`. */
  roomBytes(size: number): number {
    return CLASS_BYTES[size];
  }

  allocate(size: number): number {
    const reused = this.#free[size].pop();
    if (reused !== undefined) return reused;
    if (this.#usedInSlab + CLASS_BYTES[size] > SLAB_BYTES) {
      this.#giveAwayRest();
      this.#slabs.push(new Uint8Array(SLAB_BYTES));
      this.#usedInSlab = 0;
    }
    const unit = this.#usedInSlab >> UNIT_BITS;
    this.#usedInSlab += CLASS_BYTES[size];
    return ((this.#slabs.length - 1) << (SLAB_BITS - UNIT_BITS)) | unit;
  }

  release(place: number, size: number): void {
    this.#free[size].push(place);
  }

  /** Moves a piece of class `size` to the next larger class; returns its new place. */
  grow(place: number, size: number, usedBytes: number): number {
    const larger = this.allocate(size + 1);
    const from = this.base(place);
    const bytes = this.slab(place).subarray(from, from + usedBytes);
    this.slab(larger).set(bytes, this.base(larger));
    this.release(place, size);
    return larger;
  }

  slab(place: number): Uint8Array {
    return this.#slabs[place >> (SLAB_BITS - UNIT_BITS)];
  }

  /** Where the piece begins in its slab. */
  base(place: number): number {
    return (place & UNITS_MASK) << UNIT_BITS;
  }

  /** The end of a slab that no piece of the wanted size fits in still serves smaller ones. */
  #giveAwayRest(): void {
    for (let size = CLASS_BYTES.length - 1; size >= 0; size--) {
      while (this.#usedInSlab + CLASS_BYTES[size] <= SLAB_BYTES) {
        const unit = this.#usedInSlab / UNIT_BYTES;
        this.#usedInSlab += CLASS_BYTES[size];
        this.#free[size].push(((this.#slabs.length - 1) << (SLAB_BITS - UNIT_BITS)) | unit);
      }
    }
  }
}
