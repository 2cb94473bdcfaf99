/** The memory of columns, which threads may share. */
export interface SharedColumns {
  /** References of the series; those of a log may be as large as a double holds. */
  readonly refs: Float64Array;
  readonly times: Float64Array;
  /** Halves of the values' bits. */
  readonly valuesHi: Int32Array;
  readonly valuesLo: Int32Array;
}

/**
 * Samples as columns: a number in a typed array is not put on the heap when it goes from one function
 * to the next, as those in variables are.
 */
export class SampleColumns implements SharedColumns {
  count = 0;
  refs: Float64Array;
  times: Float64Array;
  valuesHi: Int32Array;
  valuesLo: Int32Array;

  /** @param memory to use; as long as nothing more is reserved it is shared with its owner */
  constructor(memory: SharedColumns = allocate(256, ArrayBuffer)) {
    this.refs = memory.refs;
    this.times = memory.times;
    this.valuesHi = memory.valuesHi;
    this.valuesLo = memory.valuesLo;
  }

  /** Memory for `count` samples that other threads can fill. */
  static shared(count: number): SharedColumns {
    return allocate(count, SharedArrayBuffer);
  }

  /** Makes room for `count` samples in all; what is there stays. */
  reserve(count: number): void {
    if (count <= this.times.length) return;
    const grown = allocate(Math.max(count, this.times.length * 2), ArrayBuffer);
    grown.refs.set(this.refs);
    grown.times.set(this.times);
    grown.valuesHi.set(this.valuesHi);
    grown.valuesLo.set(this.valuesLo);
    ({
      refs: this.refs,
      times: this.times,
      valuesHi: this.valuesHi,
      valuesLo: this.valuesLo,
    } = grown);
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

function allocate(
  count: number,
  Buffer: new (sizeBytes: number) => ArrayBuffer | SharedArrayBuffer,
): SharedColumns {
  return {
    refs: new Float64Array(new Buffer(count * 8)),
    times: new Float64Array(new Buffer(count * 8)),
    valuesHi: new Int32Array(new Buffer(count * 4)),
    valuesLo: new Int32Array(new Buffer(count * 4)),
  };
}
