import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import type { File } from '../../base/ports/fs.ts';
import { compareText } from '../../model/labels.ts';
import { readSection } from '../encoding/read-section.ts';

// The postings offset table of an index on disk: which label pairs there are, and where the list of
// series of each lies. As in Prometheus tsdb/index/index.go one value in 32 of each name is kept in
// memory.

const SAMPLE_EVERY = 32;

interface NameEntry {
  /** Each 32nd value, and where its entry begins in the file. */
  readonly values: string[];
  readonly offsets: number[];
  /** Where the entry behind the last one begins. */
  end: number;
  count: number;
}

/** A label value, and where its postings list lies. */
export interface PostingsEntry {
  readonly value: string;
  readonly offset: number;
}

export class PostingsTable {
  readonly #file: File;
  readonly #path: string;
  readonly #names: ReadonlyMap<string, NameEntry>;

  private constructor(file: File, path: string, names: ReadonlyMap<string, NameEntry>) {
    this.#file = file;
    this.#path = path;
    this.#names = names;
  }

  /** Reads the table once from front to end and checks it. */
  static async open(file: File, path: string, offset: number): Promise<PostingsTable> {
    const reader = await readSection(file, offset, `the postings table of ${path}`);
    const base = offset - reader.offset + 4;
    const names = new Map<string, NameEntry>();
    let entry: NameEntry | undefined;
    let name: Uint8Array = new Uint8Array(0);
    for (let left = reader.u32(); left > 0; left--) {
      const start = base + reader.offset;
      if (reader.uvarint() !== 2) {
        throw new CodedError('ERR_INDEX', 'an index is damaged: a postings entry is no pair', {
          path,
          offset: start,
        });
      }
      const nextName = reader.borrow(reader.uvarint());
      if (entry === undefined || !isSame(name, nextName)) {
        name = nextName;
        entry = { values: [], offsets: [], end: start, count: 0 };
        names.set(new ByteReader(name).text(name.length), entry);
      }
      if (entry.count++ % SAMPLE_EVERY === 0) {
        entry.values.push(reader.uvarintText());
        entry.offsets.push(start);
      } else {
        reader.skip(reader.uvarint());
      }
      reader.uvarint();
      entry.end = base + reader.offset;
    }
    return new PostingsTable(file, path, names);
  }

  /** Sorted by bytes, without the empty name of the list of all series. */
  labelNames(): string[] {
    return [...this.#names.keys()].filter((name) => name !== '').sort(compareText);
  }

  valueCount(name: string): number {
    return this.#names.get(name)?.count ?? 0;
  }

  /** Where the postings list of this pair lies; undefined when there is none. */
  async find(name: string, value: string): Promise<number | undefined> {
    const entry = this.#names.get(name);
    if (entry === undefined) return undefined;
    let low = 0;
    let high = entry.values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareText(entry.values[middle], value) <= 0) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const start = entry.offsets[low - 1];
    const end = low < entry.offsets.length ? entry.offsets[low] : entry.end;
    return (await this.#read(start, end)).find((item) => item.value === value)?.offset;
  }

  /** All values of a name in order, with the places of their lists. */
  async entries(name: string): Promise<PostingsEntry[]> {
    const entry = this.#names.get(name);
    return entry === undefined ? [] : this.#read(entry.offsets[0], entry.end);
  }

  /** The table was checked when it was opened. */
  async #read(start: number, end: number): Promise<PostingsEntry[]> {
    const bytes = new Uint8Array(end - start);
    if ((await this.#file.read(bytes, start)) < bytes.length) {
      throw new CodedError('ERR_INDEX', 'an index became shorter while it was read', {
        path: this.#path,
      });
    }
    const reader = new ByteReader(bytes);
    const entries: PostingsEntry[] = [];
    while (reader.remaining > 0) {
      reader.uvarint();
      reader.skip(reader.uvarint());
      entries.push({ value: reader.uvarintText(), offset: reader.uvarint() });
    }
    return entries;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
