// Prometheus text exposition format 0.0.4, as Prometheus itself reads it (model/textparse,
// promlex.l and promparse.go): more tolerant than the published grammar in blanks and commas,
// stricter in line ends. The grammar and the differences are in ./format.md.

import { viewOf } from '../../base/bytes/same-bytes.ts';
import { LINE_BYTES_MAX } from '../limits.ts';
import type { CodedError } from '../../base/errors.ts';
import { ExpositionFault, expositionError } from './errors.ts';
import { COMMENT, END, type Entry, type ExpositionParser, HELP, SAMPLE, TYPE } from './entries.ts';
import { hasWord, knownEnd, lineEnd, metadataName, nameEndAt } from './entries.ts';
import { EXACT_DIGITS, scaleDown } from './decimal.ts';
import { parseGoFloat, parseTimestamp } from './number.ts';
import {
  SeriesScanner,
  continuesMetricName,
  isUtf8,
  quotedEnd,
  skipBlanks,
  startsMetricName,
  unescapeHelp,
} from './series-scanner.ts';

const TAB = 9;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const HASH = 35;
const MINUS = 45;
const DOT = 46;
const QUOTE = 34;
const OPEN = 123;
const CLOSE = 125;

const TYPE_NAMES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * A pull parser: `next()` reads one entry and leaves it in the fields; nothing is allocated per
 * sample. The input must not change while it is parsed. A fault throws a `CodedError` whose message
 * begins with the line and whose details are `line`, `column` (in bytes, from 1) and `found`; the
 * parser is of no use after it.
 */
export class TextParser implements ExpositionParser {
  /** Of the current sample. Any NaN is an ordinary NaN. */
  value = 0;
  /** Of the current sample; without meaning unless {@link hasTimestamp}. */
  timestampMs = 0;
  hasTimestamp = false;
  /** Where the text of the current sample's series is, `name{…}` as written. */
  seriesStart = 0;
  seriesEnd = 0;

  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #scanner = new SeriesScanner();
  #offset = 0;
  #entryStart = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #textStart = 0;
  #textEnd = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** The metric name of the current HELP or TYPE entry. */
  name(): string {
    return metadataName(this.#bytes, this.#nameStart, this.#nameEnd);
  }

  /** The unescaped text of the current HELP entry, or the type of the current TYPE entry. */
  text(): string {
    return unescapeHelp(this.#rawText());
  }

  /** Where the current entry begins and ends, its line end included. */
  get entryStart(): number {
    return this.#entryStart;
  }

  get entryEnd(): number {
    return this.#offset;
  }

  /** The labels of the current sample as written, `__name__` first; not after `nextKnown`. */
  labelPairs(): [string, string][] {
    return this.#scanner.pairs();
  }

  /** An error of the caller's about the current sample, located like the parser's own. */
  errorAtSample(code: string, message: string): CodedError {
    return expositionError(new ExpositionFault(code, message, this.seriesStart), this.#bytes);
  }

  /** Reads the next entry; `END` when there is none. */
  next(): Entry {
    try {
      return this.#next();
    } catch (error) {
      throw this.#located(error);
    }
  }

  /**
   * The short way: true when the next entry is a sample whose series is written exactly as
   * `key[start, end)`, taken from an earlier `seriesStart` and `seriesEnd`; the entry is then read
   * as by `next()`. Otherwise false and nothing has moved.
   */
  nextKnown(key: DataView, start: number, end: number): boolean {
    const bytes = this.#bytes;
    const offset = this.#offset;
    const seriesEnd = knownEnd(this.#view, offset, key, start, end);
    if (seriesEnd < 0 || seriesEnd === bytes.length) return false;
    if (bytes[seriesEnd - 1] !== CLOSE && this.#goesOn(seriesEnd)) return false;
    this.#entryStart = offset;
    this.seriesStart = offset;
    this.seriesEnd = seriesEnd;
    try {
      this.#readValue(seriesEnd, Math.min(bytes.length, offset + LINE_BYTES_MAX));
    } catch (error) {
      throw this.#located(error);
    }
    return true;
  }

  /** Passes over the next entry when it is written as `entry[start, end)`, a line end included. */
  skipKnown(entry: DataView, start: number, end: number): boolean {
    const next = knownEnd(this.#view, this.#offset, entry, start, end);
    if (next < 0) return false;
    this.#offset = next;
    return true;
  }

  /** Whether the bare name that ends at `offset` is a longer name, or has labels. */
  #goesOn(offset: number): boolean {
    const bytes = this.#bytes;
    if (continuesMetricName(bytes[offset])) return true;
    const at = skipBlanks(bytes, offset, bytes.length);
    return at < bytes.length && bytes[at] === OPEN;
  }

  #next(): Entry {
    const bytes = this.#bytes;
    for (;;) {
      const start = this.#offset;
      const limit = Math.min(bytes.length, start + LINE_BYTES_MAX);
      this.#entryStart = start;
      const at = skipBlanks(bytes, start, limit);
      if (at === bytes.length) return END;
      const byte = at < limit ? bytes[at] : 0;
      if (byte === NEWLINE) {
        this.#offset = at + 1;
        continue;
      }
      if (byte === HASH) return this.#readComment(at + 1);
      if (!startsMetricName(byte) && byte !== OPEN) {
        throw new ExpositionFault('ERR_EXPOSITION', this.#badStart(byte), at);
      }
      if (at !== start && byte !== OPEN) {
        throw new ExpositionFault('ERR_EXPOSITION', 'a sample must not be indented', start);
      }
      this.seriesStart = at;
      this.seriesEnd = this.#scanner.scan(bytes, at, limit);
      this.#readValue(this.seriesEnd, limit);
      return SAMPLE;
    }
  }

  /** Reads what follows a `#`: metadata when it has the very form, otherwise a comment. */
  #readComment(start: number): Entry {
    const bytes = this.#bytes;
    const end = lineEnd(bytes, start);
    if (end - this.#entryStart > LINE_BYTES_MAX) throw this.#tooLong();
    this.#offset = Math.min(end + 1, bytes.length);
    const word = skipBlanks(bytes, start, end);
    const nameStart = skipBlanks(bytes, word + 4, end);
    if (word === start || nameStart <= word + 4) return COMMENT;
    const entry = metadataKind(bytes, word);
    if (entry === COMMENT) return COMMENT;
    this.#readMetadata(entry, nameStart, end);
    return entry;
  }

  #readMetadata(entry: typeof HELP | typeof TYPE, nameStart: number, nameLineEnd: number): void {
    const bytes = this.#bytes;
    const isQuoted = nameStart < nameLineEnd && bytes[nameStart] === QUOTE;
    const nameEnd = isQuoted
      ? quotedEnd(bytes, nameStart, Math.min(bytes.length, nameStart + LINE_BYTES_MAX), true)
      : nameEndAt(bytes, nameStart, nameLineEnd);
    if (nameEnd <= nameStart) {
      const message = `expected a metric name after ${entry === HELP ? 'HELP' : 'TYPE'}`;
      throw new ExpositionFault('ERR_EXPOSITION', message, nameStart);
    }
    // A quoted name may hold line ends.
    const end = isQuoted ? lineEnd(bytes, nameEnd) : nameLineEnd;
    this.#offset = Math.min(end + 1, bytes.length);
    this.#nameStart = nameStart;
    this.#nameEnd = nameEnd;
    // One byte parts the name from the text; a rest of nothing but blanks is no text.
    const isBlank = skipBlanks(bytes, nameEnd, end) === end;
    this.#textStart = isBlank ? end : nameEnd + 1;
    this.#textEnd = end;
    if (entry === TYPE && !TYPE_NAMES.has(this.#rawText())) {
      const message = 'the type is none of counter, gauge, histogram, summary, untyped';
      throw new ExpositionFault('ERR_EXPOSITION', message, this.#textStart);
    }
    if (entry === HELP && !isUtf8(bytes, this.#textStart, end)) {
      throw new ExpositionFault('ERR_EXPOSITION_UTF8', 'a help text is not UTF-8', this.#textStart);
    }
  }

  #rawText(): string {
    return decoder.decode(this.#bytes.subarray(this.#textStart, this.#textEnd));
  }

  #tooLong(): ExpositionFault {
    const message = `longer than the limit of ${LINE_BYTES_MAX} bytes`;
    return new ExpositionFault('ERR_EXPOSITION_LINE_LIMIT', message, this.#entryStart);
  }

  /** Whatever goes wrong in a line that is too long goes wrong because of its length. */
  #located(error: unknown): unknown {
    if (!(error instanceof ExpositionFault)) return error;
    const start = this.#entryStart;
    const cut = start + LINE_BYTES_MAX;
    const isCut = cut < this.#bytes.length && !this.#bytes.subarray(start, cut).includes(NEWLINE);
    return expositionError(isCut ? this.#tooLong() : error, this.#bytes);
  }

  #badStart(byte: number): string {
    return byte === CARRIAGE_RETURN ? LINE_END_FAULT : 'expected a metric name or a comment';
  }

  /** Reads value, timestamp and line end behind a series and moves to the next line. */
  #readValue(seriesEnd: number, limit: number): void {
    const bytes = this.#bytes;
    const start = skipBlanks(bytes, seriesEnd, limit);
    let at = start;
    let mantissa = 0;
    // Plain decimals of up to 15 digits, which nearly all values are, need no text.
    const isNegative = at < limit && bytes[at] === MINUS;
    if (isNegative) at++;
    const digitsStart = at;
    let point = -1;
    for (; at < limit; at++) {
      const byte = bytes[at];
      if (byte >= 48 && byte <= 57) mantissa = mantissa * 10 + (byte - 48);
      else if (byte === DOT && point < 0) point = at;
      else break;
    }
    const digits = at - digitsStart - (point < 0 ? 0 : 1);
    const ends = at === bytes.length || (at < limit && endsValue(bytes[at]));
    if (ends && digits > 0 && digits <= EXACT_DIGITS) {
      const value = point < 0 ? mantissa : scaleDown(mantissa, at - point - 1);
      this.value = isNegative ? -value : value;
    } else {
      while (at < limit && !endsValue(bytes[at]) && bytes[at] !== 0) at++;
      this.value = this.#slowValue(start, at);
    }
    this.#readTimestamp(at, limit);
  }

  #slowValue(start: number, end: number): number {
    if (start === end) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a value after the series', start);
    }
    const value = parseGoFloat(this.#bytes, start, end);
    if (value === undefined) {
      const hasReturn = this.#bytes[end - 1] === CARRIAGE_RETURN;
      const message = hasReturn ? LINE_END_FAULT : 'the value is not a number';
      throw new ExpositionFault('ERR_EXPOSITION_VALUE', message, start);
    }
    return value;
  }

  #readTimestamp(valueEnd: number, limit: number): void {
    const bytes = this.#bytes;
    const start = skipBlanks(bytes, valueEnd, limit);
    let at = start;
    while (at < limit && bytes[at] >= 48 && bytes[at] <= 57) at++;
    this.hasTimestamp = at > start;
    if (this.hasTimestamp) {
      const timestampMs = parseTimestamp(bytes, start, at);
      if (timestampMs === undefined) {
        const message = 'the timestamp does not fit 64 bits';
        throw new ExpositionFault('ERR_EXPOSITION_TIMESTAMP', message, start);
      }
      this.timestampMs = timestampMs;
      at = skipBlanks(bytes, at, limit);
    }
    if (at < bytes.length && (at === limit || bytes[at] !== NEWLINE)) {
      throw new ExpositionFault('ERR_EXPOSITION', this.#badEnd(at), at);
    }
    this.#offset = Math.min(at + 1, bytes.length);
  }

  #badEnd(at: number): string {
    if (this.#bytes[at] === CARRIAGE_RETURN) return LINE_END_FAULT;
    return this.hasTimestamp
      ? 'expected the end of the line after the timestamp'
      : 'expected a timestamp or the end of the line after the value';
  }
}

const LINE_END_FAULT = 'lines must end in LF alone, not CR LF';

/** HELP or TYPE when that word and a blank stand at `offset`. */
function metadataKind(
  bytes: Uint8Array,
  offset: number,
): typeof HELP | typeof TYPE | typeof COMMENT {
  if (hasWord(bytes, offset, 'HELP')) return HELP;
  return hasWord(bytes, offset, 'TYPE') ? TYPE : COMMENT;
}

function endsValue(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === TAB || byte === OPEN;
}
