import type { Fs } from '../../base/ports/fs.ts';
import { SegmentReader } from '../chunks/segment-reader.ts';
import { IndexFile } from '../index/index-file.ts';
import type { SymbolCache } from '../index/symbol-file.ts';
import { decodeTombstones, type Tombstone, TOMBSTONES_FILE } from '../tombstones/tombstones.ts';
import { CHUNKS_DIR, INDEX_FILE } from './block-writer.ts';
import { type BlockMeta, readBlockMeta } from './meta.ts';

/** Deleted times of each series, by its reference: oldest first, with a gap between any two. */
export type TombstonesBySeries = ReadonlyMap<number, readonly Tombstone[]>;

/**
 * A block open for reading that keeps next to nothing in memory: meta.json, and samples of the index
 * once that was used. For one caller at a time.
 */
export class BlockFile {
  readonly dir: string;
  readonly meta: BlockMeta;
  readonly index: IndexFile;
  readonly #fs: Fs;
  #segments: SegmentReader | undefined;
  #tombstones: TombstonesBySeries | undefined;

  private constructor(fs: Fs, dir: string, meta: BlockMeta, index: IndexFile) {
    this.#fs = fs;
    this.dir = dir;
    this.meta = meta;
    this.index = index;
  }

  /**
   * @param dir the block's folder
   * @param cache keeps texts; share it between the blocks of a database
   */
  static async open(fs: Fs, dir: string, cache?: SymbolCache): Promise<BlockFile> {
    const meta = await readBlockMeta(fs, dir);
    return new BlockFile(fs, dir, meta, await IndexFile.open(fs, `${dir}/${INDEX_FILE}`, cache));
  }

  get segments(): SegmentReader {
    this.#segments ??= new SegmentReader(this.#fs, `${this.dir}/${CHUNKS_DIR}`);
    return this.#segments;
  }

  /** Empty when there is no such file. */
  async tombstones(): Promise<TombstonesBySeries> {
    if (this.#tombstones !== undefined) return this.#tombstones;
    const path = `${this.dir}/${TOMBSTONES_FILE}`;
    const isThere = (await this.#fs.stat(path)) !== undefined;
    const stones = isThere ? decodeTombstones(await this.#fs.readFile(path), path) : [];
    const bySeries = new Map<number, Tombstone[]>();
    for (const stone of stones) {
      const list = bySeries.get(stone.seriesRef);
      if (list === undefined) bySeries.set(stone.seriesRef, [stone]);
      else list.push(stone);
    }
    for (const [ref, list] of bySeries) bySeries.set(ref, joined(list));
    this.#tombstones = bySeries;
    return bySeries;
  }

  async close(): Promise<void> {
    await this.#segments?.close();
    await this.index.close();
  }
}

function joined(stones: readonly Tombstone[]): Tombstone[] {
  const result: Tombstone[] = [];
  for (const stone of stones.toSorted((a, b) => a.minTimeMs - b.minTimeMs)) {
    const last = result.at(-1);
    if (last === undefined || stone.minTimeMs > last.maxTimeMs + 1) result.push(stone);
    else
      result[result.length - 1] = { ...last, maxTimeMs: Math.max(last.maxTimeMs, stone.maxTimeMs) };
  }
  return result;
}
