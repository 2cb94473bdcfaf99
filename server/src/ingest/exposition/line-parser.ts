import { viewOf } from '../../base/bytes/same-bytes.ts';
import type { CodedError } from '../../base/errors.ts';
import { LINE_BYTES_MAX } from '../limits.ts';
import { HELP, TYPE, type Entry, type ExpositionParser, type UNIT } from './entries.ts';
import { knownEnd, metadataName } from './entries.ts';
import { ExpositionFault, expositionError } from './errors.ts';
import { type SeriesScanner, isUtf8 } from './series-scanner.ts';

const NEWLINE = 10;
const CLOSE = 125;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** What the parsers of both text formats have in common: where they stand, and how faults leave. */
export abstract class LineParser implements ExpositionParser {
  value = 0;
  timestampMs = 0;
  hasTimestamp = false;
  seriesStart = 0;
  seriesEnd = 0;
  entryStart = 0;
  /** Where the next entry begins, too. */
  entryEnd = 0;

  protected readonly bytes: Uint8Array;
  protected readonly view: DataView;
  protected readonly scanner: SeriesScanner;
  /** The current entry must end before it. */
  protected limit = 0;
  protected nameStart = 0;
  protected nameEnd = 0;
  protected textStart = 0;
  protected textEnd = 0;
  readonly #typeNames: ReadonlySet<string>;

  constructor(bytes: Uint8Array, scanner: SeriesScanner, typeNames: ReadonlySet<string>) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.scanner = scanner;
    this.#typeNames = typeNames;
  }

  /** Reads the entry that begins at `entryEnd`. */
  protected abstract readEntry(): Entry;

  /** Reads what follows the series that ends at `seriesEnd`, and moves behind the line. */
  protected abstract readSample(): void;

  /** Whether a bare name that ends at `offset`, before the end of the input, is not all there is. */
  protected abstract goesOn(offset: number): boolean;

  protected abstract unescape(text: string): string;

  name(): string {
    return metadataName(this.bytes, this.nameStart, this.nameEnd);
  }

  text(): string {
    return this.unescape(this.rawText());
  }

  labelPairs(): [string, string][] {
    return this.scanner.pairs();
  }

  errorAtSample(code: string, message: string): CodedError {
    return expositionError(new ExpositionFault(code, message, this.seriesStart), this.bytes);
  }

  next(): Entry {
    try {
      return this.readEntry();
    } catch (error) {
      throw this.#located(error);
    }
  }

  nextKnown(key: DataView, start: number, end: number): boolean {
    const { bytes, entryEnd } = this;
    const seriesEnd = knownEnd(this.view, entryEnd, key, start, end);
    // The last line of all may be cut short: that is looked at the long way.
    if (seriesEnd < 0 || seriesEnd === bytes.length) return false;
    if (bytes[seriesEnd - 1] !== CLOSE && this.goesOn(seriesEnd)) return false;
    this.begin(entryEnd);
    this.seriesStart = entryEnd;
    this.seriesEnd = seriesEnd;
    try {
      this.readSample();
    } catch (error) {
      throw this.#located(error);
    }
    return true;
  }

  skipKnown(entry: DataView, start: number, end: number): boolean {
    const next = knownEnd(this.view, this.entryEnd, entry, start, end);
    if (next < 0) return false;
    this.entryEnd = next;
    return true;
  }

  /** The current entry begins at `offset`. */
  protected begin(offset: number): void {
    this.entryStart = offset;
    this.limit = Math.min(this.bytes.length, offset + LINE_BYTES_MAX);
  }

  /** Reads a sample whose series begins at `offset`. */
  protected readSampleAt(offset: number): void {
    this.seriesStart = offset;
    this.seriesEnd = this.scanner.scan(this.bytes, offset, this.limit);
    this.readSample();
  }

  /** Notes where name and text of a metadata entry are, and checks what any of them must keep to. */
  protected setMetadata(
    entry: typeof HELP | typeof TYPE | typeof UNIT,
    name: readonly [start: number, end: number],
    text: readonly [start: number, end: number],
  ): void {
    [this.nameStart, this.nameEnd] = name;
    [this.textStart, this.textEnd] = text;
    this.entryEnd = Math.min(this.textEnd + 1, this.bytes.length);
    if (entry === TYPE && !this.#typeNames.has(this.rawText())) {
      const message = `the type is none of ${[...this.#typeNames].join(', ')}`;
      throw new ExpositionFault('ERR_EXPOSITION', message, this.textStart);
    }
    if (entry === HELP && !isUtf8(this.bytes, this.textStart, this.textEnd)) {
      throw new ExpositionFault('ERR_EXPOSITION_UTF8', 'a help text is not UTF-8', this.textStart);
    }
  }

  protected tooLong(): ExpositionFault {
    const message = `longer than the limit of ${LINE_BYTES_MAX} bytes`;
    return new ExpositionFault('ERR_EXPOSITION_LINE_LIMIT', message, this.entryStart);
  }

  protected rawText(): string {
    return decoder.decode(this.bytes.subarray(this.textStart, this.textEnd));
  }

  /** Whatever goes wrong in a line that is too long goes wrong because of its length. */
  #located(error: unknown): unknown {
    if (!(error instanceof ExpositionFault)) return error;
    const { bytes, entryStart } = this;
    const cut = entryStart + LINE_BYTES_MAX;
    const isCut = cut < bytes.length && !bytes.subarray(entryStart, cut).includes(NEWLINE);
    return expositionError(isCut ? this.tooLong() : error, bytes);
  }
}
