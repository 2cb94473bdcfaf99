import { Heap } from '../../base/heap.ts';
import type { Histogram } from '../../model/histogram.ts';
import type { SampleSource } from '../chunkenc/sample-source.ts';

/**
 * Samples of several sources in the order of time, one for each time. When two sources differ, the
 * one wins that wins in Prometheus: this goes step by step as chainSampleIterator of
 * storage/merge.go.
 */
export class ChainedSamples implements SampleSource {
  timeMs = -Infinity;
  valueHi = 0;
  valueLo = 0;
  histogram: Histogram | undefined;
  readonly #heap = new Heap<SampleSource>((a, b) => a.timeMs < b.timeMs);
  #current: SampleSource | undefined;
  #others: readonly SampleSource[];

  /** @param sources not started yet */
  constructor(sources: readonly SampleSource[]) {
    this.#current = sources[0];
    this.#others = sources.slice(1);
  }

  next(): boolean {
    for (const source of this.#others) if (source.next()) this.#heap.push(source);
    this.#others = [];
    let source = this.#current;
    if (source === undefined) return false;
    for (;;) {
      if (source.next()) {
        if (source.timeMs === this.timeMs) continue;
        const top = this.#heap.peek();
        if (top === undefined || source.timeMs < top.timeMs) break;
        this.#heap.push(source);
      }
      source = this.#heap.pop();
      if (source === undefined) {
        this.#current = undefined;
        return false;
      }
      if (source.timeMs !== this.timeMs) break;
    }
    this.#current = source;
    this.timeMs = source.timeMs;
    this.valueHi = source.valueHi;
    this.valueLo = source.valueLo;
    this.histogram = source.histogram;
    return true;
  }
}
