import { CodedError } from '../../base/errors.ts';
import type { File, Fs } from '../../base/ports/fs.ts';
import { readSection } from '../encoding/read-section.ts';
import { type PostingsEntry, PostingsTable } from './postings-table.ts';
import { SeriesCursor } from './series-cursor.ts';
import { SymbolCache, SymbolFile } from './symbol-file.ts';
import { INDEX_HEADER_BYTES, type IndexToc, readToc, TOC_BYTES } from './toc.ts';

/**
 * An index on disk. Opening it reads header and table of contents, 57 bytes; symbols and postings
 * table are gone through when they are first needed, and only samples of them stay in memory.
 * For one caller at a time.
 */
export class IndexFile {
  readonly toc: IndexToc;
  readonly #file: File;
  readonly #path: string;
  readonly #cache: SymbolCache;
  #symbols: SymbolFile | undefined;
  #table: PostingsTable | undefined;

  private constructor(file: File, path: string, toc: IndexToc, cache: SymbolCache) {
    this.#file = file;
    this.#path = path;
    this.toc = toc;
    this.#cache = cache;
  }

  /** @param cache keeps texts; share it between the blocks of a database */
  static async open(fs: Fs, path: string, cache = new SymbolCache()): Promise<IndexFile> {
    const file = await fs.open(path, 'read');
    try {
      const sizeBytes = await file.size();
      const ends = new Uint8Array(INDEX_HEADER_BYTES + TOC_BYTES);
      const headerBytes = await file.read(ends.subarray(0, INDEX_HEADER_BYTES), 0);
      const tocStart = Math.max(0, sizeBytes - TOC_BYTES);
      const tocBytes = await file.read(ends.subarray(INDEX_HEADER_BYTES), tocStart);
      const isWhole = sizeBytes >= ends.length && headerBytes + tocBytes === ends.length;
      const toc = readToc(isWhole ? ends : new Uint8Array(0), path);
      return new IndexFile(file, path, toc, cache);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async symbols(): Promise<SymbolFile> {
    this.#symbols ??= await SymbolFile.open(this.#file, this.#path, this.toc.symbols, this.#cache);
    return this.#symbols;
  }

  /** Sorted by bytes. */
  async labelNames(): Promise<string[]> {
    return (await this.#postingsTable()).labelNames();
  }

  /** Sorted by bytes. */
  async labelValues(name: string): Promise<string[]> {
    return (await this.valueEntries(name)).map(({ value }) => value);
  }

  /** The values of a name, each with what `postingsAt` takes. */
  async valueEntries(name: string): Promise<PostingsEntry[]> {
    return (await this.#postingsTable()).entries(name);
  }

  /** References of all series, in the order of their labels. */
  allSeries(): Promise<Uint32Array> {
    return this.postings('', '');
  }

  /** References of the series with this label pair, ascending; empty when there is none. */
  async postings(name: string, value: string): Promise<Uint32Array> {
    const offset = await (await this.#postingsTable()).find(name, value);
    return offset === undefined ? new Uint32Array(0) : this.postingsAt(offset);
  }

  async postingsAt(offset: number): Promise<Uint32Array> {
    const reader = await readSection(this.#file, offset, `a postings list of ${this.#path}`);
    const count = reader.u32();
    if (count * 4 !== reader.remaining) {
      throw new CodedError('ERR_INDEX', 'an index is damaged: a postings list has a wrong length', {
        path: this.#path,
        offset,
      });
    }
    const series = new Uint32Array(count);
    for (let i = 0; i < count; i++) series[i] = reader.u32();
    return series;
  }

  /** Number of series in a list, of which nothing else is read. */
  async postingsCountAt(offset: number): Promise<number> {
    const count = new Uint8Array(8);
    await this.#file.read(count, offset);
    return ((count[4] << 24) | (count[5] << 16) | (count[6] << 8) | count[7]) >>> 0;
  }

  /** A cursor over these series; they are best given in ascending order. */
  series(refs: ArrayLike<number>): SeriesCursor {
    return new SeriesCursor(this.#file, this.#path, refs);
  }

  /** The body of the symbol table: count `<4>`, then each symbol with its length in front. */
  async symbolBytes(): Promise<Uint8Array> {
    const reader = await readSection(
      this.#file,
      this.toc.symbols,
      `the symbol table of ${this.#path}`,
    );
    return reader.borrow(reader.remaining);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #postingsTable(): Promise<PostingsTable> {
    this.#table ??= await PostingsTable.open(this.#file, this.#path, this.toc.postingsTable);
    return this.#table;
  }
}
