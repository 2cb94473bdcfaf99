import { CodedError } from '../../base/errors.ts';
import type { BlockFile } from '../block/block-file.ts';
import type { BlockSource } from '../block/block-writer.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import type { SeriesCursor } from '../index/series-cursor.ts';
import { MERGE_SYMBOL_BYTES_MAX } from '../limits.ts';
import { BlockChunks } from '../series/block-chunks.ts';
import { type Interval, withoutDeleted } from '../series/deletions.ts';
import { mergeChunks } from '../series/merge-chunks.ts';
import { MergedSets, type SortedSet } from '../series/merged-sets.ts';
import { mergeSymbols } from './merge-symbols.ts';

/**
 * The series of several blocks, one behind the other, for the block writer. In memory are the symbol
 * tables, one list of references for each block, and one series.
 */
export class MergeSource implements BlockSource {
  readonly symbols: readonly string[];
  labelRefs: readonly number[] = [];
  chunks: readonly ChunkInput[] = [];
  readonly #sets: MergedSets<BlockSeriesSet>;

  private constructor(symbols: readonly string[], sets: readonly BlockSeriesSet[]) {
    this.symbols = symbols;
    this.#sets = new MergedSets(sets, (a, b) => compareRefs(a.labelRefs, b.labelRefs));
  }

  /**
   * @param blocks in the order of their first times; they stay the caller's
   * @param minTimeMs samples before are left out
   * @param maxTimeMs exclusive
   */
  static async open(
    blocks: readonly BlockFile[],
    minTimeMs: number,
    maxTimeMs: number,
  ): Promise<MergeSource> {
    let symbolBytes = 0;
    for (const { index } of blocks) symbolBytes += index.toc.series - index.toc.symbols;
    if (symbolBytes > MERGE_SYMBOL_BYTES_MAX) {
      throw new CodedError('ERR_MERGE_SIZE', 'the blocks have too many label values to be merged', {
        symbolBytes,
        limit: MERGE_SYMBOL_BYTES_MAX,
      });
    }
    const tables: Uint8Array[] = [];
    for (const { index } of blocks) tables.push(await index.symbolBytes());
    const { symbols, positions } = mergeSymbols(tables);
    const sets: BlockSeriesSet[] = [];
    for (const [i, block] of blocks.entries()) {
      const cursor = block.index.series(await block.index.allSeries());
      const chunks = await BlockChunks.open(block, cursor, minTimeMs, maxTimeMs);
      sets.push(new BlockSeriesSet(block, cursor, chunks, positions[i]));
    }
    return new MergeSource(symbols, sets);
  }

  next(): boolean | Promise<boolean> {
    const more = this.#sets.next();
    if (typeof more !== 'boolean') return this.#wait(more);
    if (!more) return false;
    const lists: (readonly ChunkInput[])[] = [];
    for (const set of this.#sets.current) {
      const chunks = set.peekChunks();
      if (chunks === undefined) return this.#load();
      lists.push(chunks);
    }
    return this.#take(lists);
  }

  async #wait(more: Promise<boolean>): Promise<boolean> {
    return (await more) ? this.#load() : false;
  }

  async #load(): Promise<boolean> {
    const lists: (readonly ChunkInput[])[] = [];
    for (const set of this.#sets.current) lists.push(await set.loadChunks());
    return this.#take(lists);
  }

  #take(lists: readonly (readonly ChunkInput[])[]): true {
    this.labelRefs = this.#sets.current[0].labelRefs;
    this.chunks = mergeChunks(lists);
    return true;
  }
}

/** One block's series, with labels in terms of the merged symbols. */
class BlockSeriesSet implements SortedSet {
  labelRefs: readonly number[] = [];
  readonly #block: BlockFile;
  readonly #cursor: SeriesCursor;
  readonly #chunks: BlockChunks;
  readonly #positions: Uint32Array;

  constructor(block: BlockFile, cursor: SeriesCursor, chunks: BlockChunks, positions: Uint32Array) {
    this.#block = block;
    this.#cursor = cursor;
    this.#chunks = chunks;
    this.#positions = positions;
  }

  next(): boolean | Promise<boolean> {
    const more = this.#cursor.next();
    if (typeof more !== 'boolean') return more.then((isThere) => isThere && this.#translate());
    return more && this.#translate();
  }

  /** The chunks when all are in memory. */
  peekChunks(): readonly ChunkInput[] | undefined {
    const deleted = this.#chunks.deleted();
    const chunks = this.#chunks.peek(deleted);
    return chunks === undefined || deleted.length === 0 ? chunks : cut(chunks, deleted);
  }

  async loadChunks(): Promise<readonly ChunkInput[]> {
    const deleted = this.#chunks.deleted();
    return cut(await this.#chunks.load(deleted), deleted);
  }

  #translate(): true {
    const { labelRefs } = this.#cursor;
    const translated: number[] = [];
    for (let i = 0; i < labelRefs.length; i++) {
      const position = this.#positions[labelRefs[i]];
      if (position === undefined) {
        throw new CodedError('ERR_INDEX', 'an index is damaged: a symbol reference is too high', {
          path: this.#block.dir,
          symbolRef: labelRefs[i],
        });
      }
      translated.push(position);
    }
    this.labelRefs = translated;
    return true;
  }
}

function cut(chunks: readonly ChunkInput[], deleted: readonly Interval[]): ChunkInput[] {
  return chunks.flatMap((chunk) => withoutDeleted(chunk, deleted));
}

function compareRefs(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
