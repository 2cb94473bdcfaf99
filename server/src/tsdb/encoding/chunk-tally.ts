const TWO_32 = 4294967296;

/**
 * Which chunks there are, in a few bytes: how many, and sums over their places and times. The chunks
 * that an index names and those that lie in the segments are the same when both agree, in whatever
 * order they are found.
 */
export class ChunkTally {
  count = 0;
  #sum = 0;
  #otherSum = 0;
  #timedSum = 0;

  /**
   * @param segment counted from 0
   * @param offset of the chunk's length field in the segment
   * @param minTimeMs of its first sample
   */
  add(segment: number, offset: number, minTimeMs: number): void {
    // The finalizer of MurmurHash3 spreads neighbours over all bits.
    let hash = (offset ^ Math.imul(segment + 1, 0x9e3779b1)) | 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
    this.count++;
    this.#sum = (this.#sum + hash) | 0;
    this.#otherSum = (this.#otherSum + Math.imul(hash, hash | 1)) | 0;
    this.#timedSum = (this.#timedSum + Math.imul(hash | 1, (minTimeMs % TWO_32) | 0)) | 0;
  }

  hasPlacesOf(other: ChunkTally): boolean {
    return (
      this.count === other.count && this.#sum === other.#sum && this.#otherSum === other.#otherSum
    );
  }

  hasTimesOf(other: ChunkTally): boolean {
    return this.#timedSum === other.#timedSum;
  }
}
