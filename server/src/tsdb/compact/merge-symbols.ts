import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const COUNT_BYTES = 4;

export interface MergedSymbols {
  /** Sorted by bytes, each once. */
  readonly symbols: readonly string[];
  /** For each table the position in `symbols` of each of its own. */
  readonly positions: readonly Uint32Array[];
}

/**
 * Merges symbol tables by going through them side by side.
 * @param tables bodies of symbol tables, as `IndexFile.symbolBytes` gives them
 */
export function mergeSymbols(tables: readonly Uint8Array[]): MergedSymbols {
  const walks = tables.map((table) => new SymbolWalk(table));
  const symbols: string[] = [];
  for (;;) {
    let least: SymbolWalk | undefined;
    for (const walk of walks) {
      if (!walk.isDone && (least === undefined || walk.compare(least) < 0)) least = walk;
    }
    if (least === undefined) break;
    // The text goes before the walk does.
    const text = least.text();
    const equal = walks.filter((walk) => !walk.isDone && walk.compare(least) === 0);
    for (const walk of equal) walk.take(symbols.length);
    symbols.push(text);
  }
  return { symbols, positions: walks.map(({ positions }) => positions) };
}

class SymbolWalk {
  readonly positions: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  #start = 0;
  #end = 0;
  #index = -1;

  constructor(table: Uint8Array) {
    this.#bytes = table;
    this.#reader = new ByteReader(table);
    const count = this.#reader.u32();
    if (count > table.length - COUNT_BYTES) {
      throw new CodedError('ERR_INDEX', 'an index is damaged: there are too many symbols', {
        count,
      });
    }
    this.positions = new Uint32Array(count);
    this.#advance();
  }

  get isDone(): boolean {
    return this.#index >= this.positions.length;
  }

  compare(other: SymbolWalk): number {
    const a = this.#bytes;
    const b = other.#bytes;
    let i = this.#start;
    let j = other.#start;
    while (i < this.#end && j < other.#end) {
      const difference = a[i++] - b[j++];
      if (difference !== 0) return difference;
    }
    return this.#end - i - (other.#end - j);
  }

  text(): string {
    return decoder.decode(this.#bytes.subarray(this.#start, this.#end));
  }

  take(position: number): void {
    this.positions[this.#index] = position;
    this.#advance();
  }

  #advance(): void {
    this.#index++;
    if (this.isDone) return;
    const length = this.#reader.uvarint();
    this.#start = this.#reader.offset;
    this.#reader.skip(length);
    this.#end = this.#reader.offset;
  }
}
