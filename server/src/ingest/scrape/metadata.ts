import { viewOf } from '../../base/bytes/same-bytes.ts';
import { END, HELP, TYPE, UNIT } from '../exposition/entries.ts';
import type { ExpositionParser } from '../exposition/entries.ts';
import { expositionParser } from '../exposition/content-type.ts';
import type { ExpositionFormat } from '../exposition/content-type.ts';
import { METADATA_BYTES_MAX, METADATA_TOTAL_BYTES_MAX } from '../limits.ts';

const FIRST_BYTES = 1024;
const NEWLINE = 10;
const EOF_LINE = new TextEncoder().encode('# EOF\n');

/** What exporters say about a metric; '' where they say nothing. */
export interface MetricMetadata {
  /** As in OpenMetrics; `unknown` where none was given. */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

/** Counts what all targets' metadata takes together. */
export class MetadataMemory {
  #usedBytes = 0;

  take(sizeBytes: number): boolean {
    if (this.#usedBytes + sizeBytes > METADATA_TOTAL_BYTES_MAX) return false;
    this.#usedBytes += sizeBytes;
    return true;
  }

  giveBack(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes;
  }
}

/**
 * HELP, TYPE and UNIT of one target, kept as the exporter writes them: from one scrape to the next
 * they stay the same, so that comparing them is all the work there is. They are read when asked for.
 */
export class Metadata {
  readonly #memory: MetadataMemory;
  #bytes = new Uint8Array(0);
  #view = viewOf(this.#bytes);
  /** Where each entry ends in `#bytes`; it begins where the one before it ends. */
  readonly #ends: number[] = [];
  #next = 0;
  #format: ExpositionFormat = 'text';

  constructor(memory: MetadataMemory) {
    this.#memory = memory;
  }

  /** A scrape begins. */
  begin(format: ExpositionFormat): void {
    if (format !== this.#format) this.#ends.length = 0;
    this.#format = format;
    this.#next = 0;
  }

  /** Passes over the parser's next entry if it is the one that stood here in the last scrape. */
  skipKnown(parser: ExpositionParser): boolean {
    if (this.#next === this.#ends.length) return false;
    if (!parser.skipKnown(this.#view, this.#startOf(this.#next), this.#ends[this.#next]))
      return false;
    this.#next++;
    return true;
  }

  /** Keeps the entry that the parser stands on, unless there is no more room. */
  add(body: Uint8Array, parser: ExpositionParser): void {
    this.#ends.length = this.#next;
    const { entryStart, entryEnd } = parser;
    if (body[entryEnd - 1] !== NEWLINE) return;
    const start = this.#startOf(this.#next);
    const end = start + entryEnd - entryStart;
    if (!this.#reserve(end)) return;
    this.#bytes.set(body.subarray(entryStart, entryEnd), start);
    this.#ends.push(end);
    this.#next++;
  }

  /** A scrape was read to its end: what it did not have is gone. */
  end(): void {
    this.#ends.length = this.#next;
  }

  /** Adds what is known to `all`: by metric, each different statement once. */
  collect(all: Map<string, MetricMetadata[]>): void {
    const own = new Map<string, { type: string; help: string; unit: string }>();
    const parser = expositionParser(this.#format, this.#text());
    for (let entry = parser.next(); entry !== END; entry = parser.next()) {
      const name = parser.name();
      const known = own.get(name) ?? { type: 'unknown', help: '', unit: '' };
      own.set(name, known);
      if (entry === HELP) known.help = parser.text();
      else if (entry === UNIT) known.unit = parser.text();
      else if (entry === TYPE) known.type = parser.text() === 'untyped' ? 'unknown' : parser.text();
    }
    for (const [name, one] of own) {
      const others = all.get(name) ?? [];
      all.set(name, others);
      if (!others.some((other) => isSame(one, other))) others.push(one);
    }
  }

  /** The target is gone. */
  close(): void {
    this.#memory.giveBack(this.#bytes.length);
    this.#setBytes(new Uint8Array(0));
    this.#ends.length = 0;
    this.#next = 0;
  }

  #text(): Uint8Array {
    const length = this.#startOf(this.#ends.length);
    const text = new Uint8Array(length + (this.#format === 'openmetrics' ? EOF_LINE.length : 0));
    text.set(this.#bytes.subarray(0, length));
    if (this.#format === 'openmetrics') text.set(EOF_LINE, length);
    return text;
  }

  #startOf(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1];
  }

  #reserve(length: number): boolean {
    if (length <= this.#bytes.length) return true;
    let sizeBytes = Math.max(FIRST_BYTES, this.#bytes.length);
    while (sizeBytes < length) sizeBytes *= 2;
    if (sizeBytes > METADATA_BYTES_MAX) return false;
    if (!this.#memory.take(sizeBytes - this.#bytes.length)) return false;
    const larger = new Uint8Array(sizeBytes);
    larger.set(this.#bytes);
    this.#setBytes(larger);
    return true;
  }

  #setBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function isSame(a: MetricMetadata, b: MetricMetadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
