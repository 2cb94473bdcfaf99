import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import type { Label, Labels } from '../../model/labels.ts';
import { openSection, openVarintSection } from '../encoding/section.ts';
import type { ChunkMeta } from './index-writer.ts';
import { type IndexToc, readToc } from './toc.ts';

// Reads an index of version 2; layout in ./format.md.

const SERIES_ALIGNMENT = 16;

export interface IndexSeries {
  readonly labels: Labels;
  readonly chunks: readonly ChunkMeta[];
}

/** An index held in memory. Each part is checked (length, CRC) when it is asked for. */
export class IndexReader {
  readonly toc: IndexToc;
  readonly #bytes: Uint8Array;
  readonly #path: string;
  /** Offset of each symbol's length byte. */
  readonly #symbolOffsets: Uint32Array;
  readonly #symbolCache: (string | undefined)[];
  #postingsTable: Map<string, Map<string, number>> | undefined;

  /** @param path appears in errors */
  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = bytes;
    this.#path = path;
    this.toc = readToc(bytes, path);
    this.#symbolOffsets = this.#readSymbols();
    this.#symbolCache = new Array<string | undefined>(this.#symbolOffsets.length);
  }

  get symbolCount(): number {
    return this.#symbolOffsets.length;
  }

  symbol(ref: number): string {
    const cached = this.#symbolCache[ref];
    if (cached !== undefined) return cached;
    if (!(ref >= 0 && ref < this.#symbolOffsets.length)) {
      throw this.#damaged('a symbol reference is out of range', { symbolRef: ref });
    }
    const text = new ByteReader(this.#bytes, this.#symbolOffsets[ref]).uvarintText();
    this.#symbolCache[ref] = text;
    return text;
  }

  /** References of all series, in the order of their labels. */
  allSeries(): Uint32Array {
    return this.postings('', '');
  }

  /** References of the series with this label pair, ascending; empty when there is none. */
  postings(name: string, value: string): Uint32Array {
    this.#postingsTable ??= this.#readPostingsTable();
    const offset = this.#postingsTable.get(name)?.get(value);
    if (offset === undefined) return new Uint32Array(0);
    const reader = openSection(this.#bytes, offset, `a postings list of ${this.#path}`);
    const count = reader.u32();
    if (count * 4 !== reader.remaining) {
      throw this.#damaged('a postings list has a wrong length', { offset });
    }
    const series = new Uint32Array(count);
    for (let i = 0; i < count; i++) series[i] = reader.u32();
    return series;
  }

  /** The values of a label name, sorted. */
  labelValues(name: string): string[] {
    this.#postingsTable ??= this.#readPostingsTable();
    return [...(this.#postingsTable.get(name)?.keys() ?? [])];
  }

  series(ref: number): IndexSeries {
    const what = `series ${ref} of ${this.#path}`;
    const reader = openVarintSection(this.#bytes, ref * SERIES_ALIGNMENT, what);
    const labels: Label[] = [];
    for (let left = reader.uvarint(); left > 0; left--) {
      labels.push({ name: this.symbol(reader.uvarint()), value: this.symbol(reader.uvarint()) });
    }
    return { labels, chunks: readChunkMetas(reader) };
  }

  #readSymbols(): Uint32Array {
    const reader = openSection(this.#bytes, this.toc.symbols, `the symbol table of ${this.#path}`);
    const count = reader.u32();
    // A symbol takes a byte at least: a count beyond that is damage, not a wish for memory.
    if (count > reader.remaining) throw this.#damaged('there are too many symbols', { count });
    const offsets = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      offsets[i] = reader.offset;
      reader.skip(reader.uvarint());
    }
    return offsets;
  }

  #readPostingsTable(): Map<string, Map<string, number>> {
    const what = `the postings table of ${this.#path}`;
    const reader = openSection(this.#bytes, this.toc.postingsTable, what);
    const table = new Map<string, Map<string, number>>();
    for (let left = reader.u32(); left > 0; left--) {
      if (reader.uvarint() !== 2)
        throw this.#damaged('an entry of the postings table is not a pair');
      const name = reader.uvarintText();
      const value = reader.uvarintText();
      let values = table.get(name);
      if (values === undefined) table.set(name, (values = new Map<string, number>()));
      values.set(value, reader.uvarint());
    }
    return table;
  }

  #damaged(reason: string, details: Record<string, number> = {}): CodedError {
    return new CodedError('ERR_INDEX', `an index is damaged: ${reason}`, {
      path: this.#path,
      ...details,
    });
  }
}

/** The list of chunks behind the labels of a series. */
export function readChunkMetas(reader: ByteReader): ChunkMeta[] {
  const chunks: ChunkMeta[] = [];
  let lastTime = 0;
  let lastRef = 0;
  for (let left = reader.uvarint(); left > 0; left--) {
    const isFirst = chunks.length === 0;
    const minTimeMs = isFirst ? reader.varint() : lastTime + reader.uvarint();
    const maxTimeMs = minTimeMs + reader.uvarint();
    const ref = isFirst ? reader.uvarint() : lastRef + reader.varint();
    chunks.push({ minTimeMs, maxTimeMs, ref });
    lastTime = maxTimeMs;
    lastRef = ref;
  }
  return chunks;
}
