// OpenMetrics 1.0.0 and 0.0.1 text, as Prometheus 3 itself reads it (model/textparse,
// openmetricslex.l and openmetricsparse.go). The grammar and the differences are in ./format.md.

import { viewOf } from '../../base/bytes/same-bytes.ts';
import { LINE_BYTES_MAX } from '../limits.ts';
import type { CodedError } from '../../base/errors.ts';
import { END, type Entry, type ExpositionParser, HELP, SAMPLE, TYPE, UNIT } from './entries.ts';
import { hasWord, knownEnd, lineEnd, metadataName, nameEndAt } from './entries.ts';
import { ExpositionFault, expositionError } from './errors.ts';
import { parseGoFloat } from './number.ts';
import {
  SeriesScanner,
  continuesMetricName,
  isUtf8,
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
const CLOSE = 125;

const TYPE_NAMES = new Set([
  ...['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset'],
  'unknown',
]);
const METADATA_WORDS = [
  ['HELP ', HELP],
  ['TYPE ', TYPE],
  ['UNIT ', UNIT],
] as const;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Exemplars are checked and passed over; `_created` series are series like others. */
export class OpenMetricsParser implements ExpositionParser {
  value = 0;
  timestampMs = 0;
  hasTimestamp = false;
  seriesStart = 0;
  seriesEnd = 0;
  entryStart = 0;
  entryEnd = 0;

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #scanner = new SeriesScanner(true);
  readonly #exemplarScanner = new SeriesScanner(true);
  #nameStart = 0;
  #nameEnd = 0;
  #textStart = 0;
  #textEnd = 0;
  #limit = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  name(): string {
    return metadataName(this.#bytes, this.#nameStart, this.#nameEnd);
  }

  text(): string {
    return unescapeLabelValue(this.#rawText());
  }

  labelPairs(): [string, string][] {
    return this.#scanner.pairs();
  }

  errorAtSample(code: string, message: string): CodedError {
    return expositionError(new ExpositionFault(code, message, this.seriesStart), this.#bytes);
  }

  next(): Entry {
    try {
      return this.#next();
    } catch (error) {
      throw this.#located(error);
    }
  }

  nextKnown(key: DataView, start: number, end: number): boolean {
    const bytes = this.#bytes;
    const offset = this.entryEnd;
    const seriesEnd = knownEnd(this.#view, offset, key, start, end);
    if (seriesEnd < 0) return false;
    // A bare name goes on when the text does not.
    if (bytes[seriesEnd - 1] !== CLOSE && seriesEnd < bytes.length) {
      if (continuesMetricName(bytes[seriesEnd]) || bytes[seriesEnd] === OPEN) return false;
    }
    this.#begin(offset);
    this.seriesStart = offset;
    this.seriesEnd = seriesEnd;
    try {
      this.#readSample();
    } catch (error) {
      throw this.#located(error);
    }
    return true;
  }

  skipKnown(entry: DataView, start: number, end: number): boolean {
    const next = knownEnd(this.#view, this.entryEnd, entry, start, end);
    if (next < 0) return false;
    this.entryEnd = next;
    return true;
  }

  #begin(offset: number): void {
    this.entryStart = offset;
    this.#limit = Math.min(this.#bytes.length, offset + LINE_BYTES_MAX);
  }

  #next(): Entry {
    const bytes = this.#bytes;
    const start = this.entryEnd;
    this.#begin(start);
    if (start === bytes.length) throw this.#noEof();
    if (bytes[start] === HASH) return this.#readComment(start + 1);
    if (!startsMetricName(bytes[start]) && bytes[start] !== OPEN) {
      throw new ExpositionFault(
        'ERR_EXPOSITION',
        'expected a metric name, HELP, TYPE, UNIT or EOF',
        start,
      );
    }
    this.seriesStart = start;
    this.seriesEnd = this.#scanner.scan(bytes, start, this.#limit);
    this.#readSample();
    return SAMPLE;
  }

  #readComment(start: number): Entry {
    const bytes = this.#bytes;
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
    const bytes = this.#bytes;
    const end = start < bytes.length && bytes[start] === NEWLINE ? start + 1 : start;
    if (end < bytes.length) {
      throw new ExpositionFault('ERR_EXPOSITION', 'something follows "# EOF"', end);
    }
    // Asked again, the parser stands before the same end.
    this.entryEnd = this.entryStart;
    return END;
  }

  #readMetadata(entry: typeof HELP | typeof TYPE | typeof UNIT, nameStart: number): void {
    const bytes = this.#bytes;
    const limit = this.#limit;
    const isQuoted = nameStart < limit && bytes[nameStart] === QUOTE;
    const nameEnd = isQuoted
      ? quotedEnd(bytes, nameStart, limit, true)
      : nameEndAt(bytes, nameStart, limit);
    if (nameEnd <= nameStart) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a metric name', nameStart);
    }
    const end = lineEnd(bytes, nameEnd);
    if (end === bytes.length && end <= limit) throw this.#noEof();
    if (end >= limit) throw this.#tooLong();
    if (bytes[nameEnd] !== SPACE) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a text after the metric name', nameEnd);
    }
    this.#nameStart = nameStart;
    this.#nameEnd = nameEnd;
    this.#textStart = nameEnd + 1;
    this.#textEnd = end;
    this.entryEnd = end + 1;
    if (entry === TYPE && !TYPE_NAMES.has(this.#rawText())) {
      const message = `the type is none of ${[...TYPE_NAMES].join(', ')}`;
      throw new ExpositionFault('ERR_EXPOSITION', message, this.#textStart);
    }
    if (entry === HELP && !isUtf8(bytes, this.#textStart, end)) {
      throw new ExpositionFault('ERR_EXPOSITION_UTF8', 'a help text is not UTF-8', this.#textStart);
    }
    if (entry === UNIT && !this.#isUnitOfName(isQuoted ? nameEnd - 1 : nameEnd)) {
      const message = 'the metric name does not end in "_" and the unit';
      throw new ExpositionFault('ERR_EXPOSITION', message, this.#textStart);
    }
  }

  #isUnitOfName(nameEnd: number): boolean {
    const bytes = this.#bytes;
    const length = this.#textEnd - this.#textStart;
    if (length === 0) return true;
    const unitStart = nameEnd - length;
    if (unitStart - 1 < this.#nameStart || bytes[unitStart - 1] !== UNDERSCORE) return false;
    return knownEnd(this.#view, unitStart, this.#view, this.#textStart, this.#textEnd) === nameEnd;
  }

  /** Reads value, timestamp, exemplar and line end behind a series and moves to the next line. */
  #readSample(): void {
    const bytes = this.#bytes;
    let at = this.#tokenEnd(this.seriesEnd, 'a value');
    this.value = this.#float(this.seriesEnd + 1, at);
    this.hasTimestamp = false;
    if (at < this.#limit && bytes[at] === SPACE && !hasWord(bytes, at, ' # {')) {
      const end = this.#tokenEnd(at, 'a timestamp');
      this.timestampMs = this.#timestamp(at + 1, end);
      this.hasTimestamp = true;
      at = end;
    }
    if (at + 4 <= this.#limit && hasWord(bytes, at, ' # {')) at = this.#readExemplar(at + 4);
    if (at >= bytes.length) throw this.#noEof();
    if (at >= this.#limit || bytes[at] !== NEWLINE) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected the end of the line', at);
    }
    this.entryEnd = at + 1;
  }

  #readExemplar(start: number): number {
    const labelsEnd = this.#exemplarScanner.scanExemplar(this.#bytes, start, this.#limit);
    const valueEnd = this.#tokenEnd(labelsEnd, 'the value of the exemplar');
    this.#float(labelsEnd + 1, valueEnd);
    if (valueEnd >= this.#limit || this.#bytes[valueEnd] !== SPACE) return valueEnd;
    const timeEnd = this.#tokenEnd(valueEnd, 'the timestamp of the exemplar');
    this.#timestamp(valueEnd + 1, timeEnd);
    return timeEnd;
  }

  /** The end of the word that one blank at `start` parts from what came before. */
  #tokenEnd(start: number, what: string): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let at = start + 1;
    while (at < limit && bytes[at] !== SPACE && bytes[at] !== NEWLINE) at++;
    if (start >= limit || bytes[start] !== SPACE || at === start + 1) {
      throw new ExpositionFault('ERR_EXPOSITION', `expected one blank and ${what}`, start);
    }
    return at;
  }

  #float(start: number, end: number): number {
    const value = parseGoFloat(this.#bytes, start, end);
    if (value !== undefined) return value;
    throw new ExpositionFault('ERR_EXPOSITION_VALUE', 'the value is not a number', start);
  }

  /** Seconds to milliseconds; beyond 53 bits all times are one: storage takes none of them. */
  #timestamp(start: number, end: number): number {
    const seconds = parseGoFloat(this.#bytes, start, end);
    if (seconds === undefined || !Number.isFinite(seconds)) {
      const message = 'the timestamp is not a finite number of seconds';
      throw new ExpositionFault('ERR_EXPOSITION_TIMESTAMP', message, start);
    }
    const timestampMs = Math.trunc(seconds * 1000);
    if (Math.abs(timestampMs) > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
    return timestampMs === 0 ? 0 : timestampMs;
  }

  #rawText(): string {
    return decoder.decode(this.#bytes.subarray(this.#textStart, this.#textEnd));
  }

  #noEof(): ExpositionFault {
    const message = 'the text does not end with "# EOF"';
    return new ExpositionFault('ERR_EXPOSITION', message, this.#bytes.length);
  }

  #tooLong(): ExpositionFault {
    const message = `longer than the limit of ${LINE_BYTES_MAX} bytes`;
    return new ExpositionFault('ERR_EXPOSITION_LINE_LIMIT', message, this.entryStart);
  }

  /** Whatever goes wrong in a line that is too long goes wrong because of its length. */
  #located(error: unknown): unknown {
    if (!(error instanceof ExpositionFault)) return error;
    const cut = this.entryStart + LINE_BYTES_MAX;
    const isCut =
      cut < this.#bytes.length && !this.#bytes.subarray(this.entryStart, cut).includes(NEWLINE);
    return expositionError(isCut ? this.#tooLong() : error, this.#bytes);
  }
}
