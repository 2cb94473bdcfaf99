// OpenMetrics 1.0.0 and 0.0.1 text, as Prometheus 3 itself reads it (model/textparse,
// openmetricslex.l and openmetricsparse.go). The grammar and the differences are in ./format.md.

import { END, type Entry, HELP, SAMPLE, TYPE, UNIT } from './entries.ts';
import { hasWord, knownEnd, lineEnd, nameEndAt } from './entries.ts';
import { ExpositionFault } from './errors.ts';
import { LineParser } from './line-parser.ts';
import { parseGoFloat } from './number.ts';
import {
  SeriesScanner,
  continuesMetricName,
  quotedEnd,
  startsMetricName,
  unescapeLabelValue,
} from './series-scanner.ts';

const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const UNDERSCORE = 95;
const OPEN = 123;

const TYPE_NAMES = new Set([
  ...['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset'],
  'unknown',
]);
const METADATA_WORDS = [
  ['HELP ', HELP],
  ['TYPE ', TYPE],
  ['UNIT ', UNIT],
] as const;

/** Exemplars are checked and passed over; `_created` series are series like others. */
export class OpenMetricsParser extends LineParser {
  readonly #exemplarScanner = new SeriesScanner(true);

  constructor(bytes: Uint8Array) {
    super(bytes, new SeriesScanner(true), TYPE_NAMES);
  }

  protected override unescape(text: string): string {
    return unescapeLabelValue(text);
  }

  /** It may be a longer name, or have labels. */
  protected override goesOn(offset: number): boolean {
    const { bytes } = this;
    return continuesMetricName(bytes[offset]) || bytes[offset] === OPEN;
  }

  protected override readEntry(): Entry {
    const { bytes } = this;
    const start = this.entryEnd;
    this.begin(start);
    if (start === bytes.length) throw this.#noEof();
    if (bytes[start] === HASH) return this.#readComment(start + 1);
    if (!startsMetricName(bytes[start]) && bytes[start] !== OPEN) {
      throw new ExpositionFault(
        'ERR_EXPOSITION',
        'expected a metric name, HELP, TYPE, UNIT or EOF',
        start,
      );
    }
    this.readSampleAt(start);
    return SAMPLE;
  }

  #readComment(start: number): Entry {
    const { bytes } = this;
    if (start < bytes.length && bytes[start] === SPACE) {
      if (hasWord(bytes, start + 1, 'EOF')) return this.#readEof(start + 4);
      for (const [word, entry] of METADATA_WORDS) {
        if (!hasWord(bytes, start + 1, word)) continue;
        this.#readMetadata(entry, start + 1 + word.length);
        return entry;
      }
    }
    throw new ExpositionFault(
      'ERR_EXPOSITION',
      'expected " HELP", " TYPE", " UNIT" or " EOF"',
      start,
    );
  }

  #readEof(start: number): typeof END {
    const { bytes } = this;
    const end = start < bytes.length && bytes[start] === NEWLINE ? start + 1 : start;
    if (end < bytes.length) {
      throw new ExpositionFault('ERR_EXPOSITION', 'something follows "# EOF"', end);
    }
    // Asked again, the parser stands before the same end.
    this.entryEnd = this.entryStart;
    return END;
  }

  #readMetadata(entry: typeof HELP | typeof TYPE | typeof UNIT, nameStart: number): void {
    const { bytes } = this;
    const { limit } = this;
    const isQuoted = nameStart < limit && bytes[nameStart] === QUOTE;
    const nameEnd = isQuoted
      ? quotedEnd(bytes, nameStart, limit, true)
      : nameEndAt(bytes, nameStart, limit);
    if (nameEnd <= nameStart) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a metric name', nameStart);
    }
    const end = lineEnd(bytes, nameEnd);
    if (end === bytes.length && end <= limit) throw this.#noEof();
    if (end >= limit) throw this.tooLong();
    if (bytes[nameEnd] !== SPACE) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a text after the metric name', nameEnd);
    }
    this.setMetadata(entry, [nameStart, nameEnd], [nameEnd + 1, end]);
    if (entry === UNIT && !this.#isUnitOfName(isQuoted ? nameEnd - 1 : nameEnd)) {
      const message = 'the metric name does not end in "_" and the unit';
      throw new ExpositionFault('ERR_EXPOSITION', message, this.textStart);
    }
  }

  #isUnitOfName(nameEnd: number): boolean {
    const { bytes } = this;
    const length = this.textEnd - this.textStart;
    if (length === 0) return true;
    const unitStart = nameEnd - length;
    if (unitStart - 1 < this.nameStart || bytes[unitStart - 1] !== UNDERSCORE) return false;
    return knownEnd(this.view, unitStart, this.view, this.textStart, this.textEnd) === nameEnd;
  }

  /** Reads value, timestamp, exemplar and line end behind a series and moves to the next line. */
  protected override readSample(): void {
    const { bytes } = this;
    let at = this.#tokenEnd(this.seriesEnd, 'a value');
    this.value = this.#float(this.seriesEnd + 1, at);
    this.hasTimestamp = false;
    if (at < this.limit && bytes[at] === SPACE && !hasWord(bytes, at, ' # {')) {
      const end = this.#tokenEnd(at, 'a timestamp');
      this.timestampMs = this.#timestamp(at + 1, end);
      this.hasTimestamp = true;
      at = end;
    }
    if (at + 4 <= this.limit && hasWord(bytes, at, ' # {')) at = this.#readExemplar(at + 4);
    if (at >= bytes.length) throw this.#noEof();
    if (at >= this.limit || bytes[at] !== NEWLINE) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected the end of the line', at);
    }
    this.entryEnd = at + 1;
  }

  #readExemplar(start: number): number {
    const labelsEnd = this.#exemplarScanner.scanExemplar(this.bytes, start, this.limit);
    const valueEnd = this.#tokenEnd(labelsEnd, 'the value of the exemplar');
    this.#float(labelsEnd + 1, valueEnd);
    if (valueEnd >= this.limit || this.bytes[valueEnd] !== SPACE) return valueEnd;
    const timeEnd = this.#tokenEnd(valueEnd, 'the timestamp of the exemplar');
    this.#timestamp(valueEnd + 1, timeEnd);
    return timeEnd;
  }

  /** The end of the word that one blank at `start` parts from what came before. */
  #tokenEnd(start: number, what: string): number {
    const { bytes } = this;
    const { limit } = this;
    let at = start + 1;
    while (at < limit && bytes[at] !== SPACE && bytes[at] !== NEWLINE) at++;
    if (start >= limit || bytes[start] !== SPACE || at === start + 1) {
      throw new ExpositionFault('ERR_EXPOSITION', `expected one blank and ${what}`, start);
    }
    return at;
  }

  #float(start: number, end: number): number {
    const value = parseGoFloat(this.bytes, start, end);
    if (value !== undefined) return value;
    throw new ExpositionFault('ERR_EXPOSITION_VALUE', 'the value is not a number', start);
  }

  /** Seconds to milliseconds; beyond 53 bits all times are one: storage takes none of them. */
  #timestamp(start: number, end: number): number {
    const seconds = parseGoFloat(this.bytes, start, end);
    if (seconds === undefined || !Number.isFinite(seconds)) {
      const message = 'the timestamp is not a finite number of seconds';
      throw new ExpositionFault('ERR_EXPOSITION_TIMESTAMP', message, start);
    }
    const timestampMs = Math.trunc(seconds * 1000);
    if (Math.abs(timestampMs) > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
    return timestampMs === 0 ? 0 : timestampMs;
  }

  #noEof(): ExpositionFault {
    const message = 'the text does not end with "# EOF"';
    return new ExpositionFault('ERR_EXPOSITION', message, this.bytes.length);
  }
}
