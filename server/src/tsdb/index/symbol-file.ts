import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import type { File } from '../../base/ports/fs.ts';
import { FileWindow } from '../encoding/file-window.ts';
import { readSection } from '../encoding/read-section.ts';

// The symbol table of an index on disk, as Symbols of Prometheus tsdb/index/index.go: one offset in
// 32 is kept, the texts are read when they are asked for.

const GROUP_BITS = 5;
const GROUP_SYMBOLS = 1 << GROUP_BITS;

/** Texts that all open indexes together keep in memory. */
export const SYMBOLS_CACHED_MAX = 64 * 1024;

/** Texts of symbols, by groups of 32; those that were read longest ago go first. */
export class SymbolCache {
  readonly #groupsMax: number;
  #recent = new Map<number, readonly string[]>();
  #older = new Map<number, readonly string[]>();
  #nextOwner = 0;

  /** @param symbolsMax texts kept at most */
  constructor(symbolsMax: number = SYMBOLS_CACHED_MAX) {
    this.#groupsMax = Math.max(2, symbolsMax / GROUP_SYMBOLS);
  }

  /** The first of 2^32 keys that nobody else has. */
  newOwner(): number {
    return this.#nextOwner++ * 2 ** 32;
  }

  get(key: number): readonly string[] | undefined {
    const found = this.#recent.get(key);
    if (found !== undefined) return found;
    const older = this.#older.get(key);
    if (older !== undefined) this.put(key, older);
    return older;
  }

  put(key: number, group: readonly string[]): void {
    // Two generations come near to an exact order at a fraction of its price.
    if (this.#recent.size >= this.#groupsMax / 2) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, group);
  }
}

/** The symbols of one index. */
export class SymbolFile {
  readonly count: number;
  readonly #path: string;
  readonly #window: FileWindow;
  /** Where each group of 32 begins in the file, and where the last one ends. */
  readonly #groupStarts: Float64Array;
  readonly #cache: SymbolCache;
  readonly #owner: number;

  private constructor(
    file: File,
    path: string,
    starts: Float64Array,
    count: number,
    cache: SymbolCache,
  ) {
    this.#window = new FileWindow(file);
    this.#path = path;
    this.#groupStarts = starts;
    this.count = count;
    this.#cache = cache;
    this.#owner = cache.newOwner();
  }

  /** Reads the table once from front to end and checks it. */
  static async open(
    file: File,
    path: string,
    offset: number,
    cache: SymbolCache,
  ): Promise<SymbolFile> {
    const reader = await readSection(file, offset, `the symbol table of ${path}`);
    // Offsets in the file of what the reader counts from 0.
    const base = offset - reader.offset + 4;
    const count = reader.u32();
    // A symbol takes a byte at least: a count beyond that is damage, not a wish for memory.
    if (count > reader.remaining) {
      throw new CodedError('ERR_INDEX', 'an index is damaged: there are too many symbols', {
        path,
        count,
      });
    }
    const groups = Math.ceil(count / GROUP_SYMBOLS);
    const starts = new Float64Array(groups + 1);
    for (let i = 0; i < count; i++) {
      if ((i & (GROUP_SYMBOLS - 1)) === 0) starts[i >> GROUP_BITS] = base + reader.offset;
      reader.skip(reader.uvarint());
    }
    starts[groups] = base + reader.offset;
    return new SymbolFile(file, path, starts, count, cache);
  }

  /** The text when it is in memory. */
  peek(ref: number): string | undefined {
    const group = ref >>> GROUP_BITS;
    const cached = this.#cache.get(this.#owner + group);
    if (cached !== undefined && ref < this.count) return cached[ref & (GROUP_SYMBOLS - 1)];
    if (ref >= this.count) throw this.#outOfRange(ref);
    const start = this.#groupStarts[group];
    const end = this.#groupStarts[group + 1];
    const at = this.#window.find(start, end - start);
    if (at < 0) return undefined;
    const reader = new ByteReader(this.#window.bytes, at, at + end - start);
    const texts: string[] = [];
    while (reader.remaining > 0) texts.push(reader.uvarintText());
    this.#cache.put(this.#owner + group, texts);
    return texts[ref & (GROUP_SYMBOLS - 1)];
  }

  async text(ref: number): Promise<string> {
    const known = this.peek(ref);
    if (known !== undefined) return known;
    const group = ref >>> GROUP_BITS;
    const start = this.#groupStarts[group];
    await this.#window.load(start, this.#groupStarts[group + 1] - start);
    const loaded = this.peek(ref);
    if (loaded === undefined) throw this.#outOfRange(ref);
    return loaded;
  }

  #outOfRange(ref: number): CodedError {
    return new CodedError('ERR_INDEX', 'an index is damaged: a symbol reference is out of range', {
      path: this.#path,
      symbolRef: ref,
      symbolCount: this.count,
    });
  }
}
