/**
 * Samples as columns: a number in a typed array is not put on the heap when it goes from one function
 * to the next, as those in variables are.
 */
export class SampleColumns {
  count = 0;
  /** References of the series; those of a log may be as large as a double holds. */
  refs = new Float64Array(256);
  times = new Float64Array(256);
  /** Halves of the values' bits. */
  valuesHi = new Int32Array(256);
  valuesLo = new Int32Array(256);

  /** Makes room for `count` samples in all; what is there stays. */
  reserve(count: number): void {
    if (count <= this.times.length) return;
    const size = Math.max(count, this.times.length * 2);
    const { refs, times, valuesHi, valuesLo } = this;
    (this.refs = new Float64Array(size)).set(refs);
    (this.times = new Float64Array(size)).set(times);
    (this.valuesHi = new Int32Array(size)).set(valuesHi);
    (this.valuesLo = new Int32Array(size)).set(valuesLo);
  }

  /** Makes this the only sample. */
  setOnly(timeMs: number, hi: number, lo: number): this {
    this.count = 1;
    this.times[0] = timeMs;
    this.valuesHi[0] = hi;
    this.valuesLo[0] = lo;
    return this;
  }
}
