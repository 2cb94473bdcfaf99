import type { Label, Labels } from '../../model/labels.ts';
import type { TimeRange } from '../../model/time-range.ts';
import type { BlockFile } from '../block/block-file.ts';
import type { SeriesCursor } from '../index/series-cursor.ts';
import type { SymbolFile } from '../index/symbol-file.ts';
import { BlockChunks } from '../series/block-chunks.ts';
import type { SeriesChunks } from '../series/chunk-samples.ts';
import { touches } from '../series/deletions.ts';
import type { Matcher } from './matcher.ts';
import { selectPostings } from './postings.ts';
import type { QuerySource, SourceSeries } from './query-source.ts';

/** Asks a block. It stays the caller's. */
export class BlockQuerySource implements QuerySource {
  readonly #block: BlockFile;

  constructor(block: BlockFile) {
    this.#block = block;
  }

  async select(matchers: readonly Matcher[], range: TimeRange): Promise<SourceSeries> {
    const { index } = this.#block;
    const cursor = index.series(await selectPostings(index, matchers));
    const { minTimeMs, maxTimeMs } = range;
    const chunks = await BlockChunks.open(this.#block, cursor, minTimeMs, maxTimeMs);
    return new BlockSourceSeries(await index.symbols(), cursor, chunks, range);
  }

  labelNames(): Promise<readonly string[]> {
    return this.#block.index.labelNames();
  }

  labelValues(name: string): Promise<readonly string[]> {
    return this.#block.index.labelValues(name);
  }
}

class BlockSourceSeries implements SourceSeries {
  labels: Labels = [];
  readonly #symbols: SymbolFile;
  readonly #cursor: SeriesCursor;
  readonly #chunks: BlockChunks;
  readonly #range: TimeRange;

  constructor(symbols: SymbolFile, cursor: SeriesCursor, chunks: BlockChunks, range: TimeRange) {
    this.#symbols = symbols;
    this.#cursor = cursor;
    this.#chunks = chunks;
    this.#range = range;
  }

  next(): boolean | Promise<boolean> {
    for (;;) {
      const more = this.#cursor.next();
      if (typeof more !== 'boolean') return this.#waitNext(more);
      if (!more) return false;
      if (this.#isInRange()) return this.#peekLabels() ? true : this.#loadLabels();
    }
  }

  chunks(): SeriesChunks | Promise<SeriesChunks> {
    const deleted = this.#chunks.deleted();
    const chunks = this.#chunks.peek(deleted);
    if (chunks !== undefined) return { chunks, deleted };
    return this.#chunks.load(deleted).then((loaded) => ({ chunks: loaded, deleted }));
  }

  async #waitNext(first: Promise<boolean>): Promise<boolean> {
    let more = await first;
    while (more && !this.#isInRange()) more = await this.#cursor.next();
    return more && this.#loadLabels();
  }

  #isInRange(): boolean {
    const span = { minTimeMs: this.#range.minTimeMs, maxTimeMs: this.#range.maxTimeMs - 1 };
    return this.#cursor.chunks.some((chunk) => touches(chunk, [span]));
  }

  #peekLabels(): boolean {
    const { labelRefs } = this.#cursor;
    const labels: Label[] = [];
    for (let i = 0; i < labelRefs.length; i += 2) {
      const name = this.#symbols.peek(labelRefs[i]);
      const value = this.#symbols.peek(labelRefs[i + 1]);
      if (name === undefined || value === undefined) return false;
      labels.push({ name, value });
    }
    this.labels = labels;
    return true;
  }

  async #loadLabels(): Promise<true> {
    const { labelRefs } = this.#cursor;
    const labels: Label[] = [];
    for (let i = 0; i < labelRefs.length; i += 2) {
      const name = await this.#symbols.text(labelRefs[i]);
      labels.push({ name, value: await this.#symbols.text(labelRefs[i + 1]) });
    }
    this.labels = labels;
    return true;
  }
}
