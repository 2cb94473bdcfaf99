// Prometheus text exposition format 0.0.4, as Prometheus itself reads it (model/textparse,
// promlex.l and promparse.go): more tolerant than the published grammar in blanks and commas,
// stricter in line ends. The grammar and the differences are in ./format.md.

import { LINE_BYTES_MAX } from '../limits.ts';
import { EXACT_DIGITS, scaleDown } from './decimal.ts';
import { COMMENT, END, type Entry, HELP, SAMPLE, TYPE } from './entries.ts';
import { hasWord, lineEnd, nameEndAt } from './entries.ts';
import { ExpositionFault } from './errors.ts';
import { LineParser } from './line-parser.ts';
import { parseGoFloat, parseTimestamp } from './number.ts';
import {
  SeriesScanner,
  continuesMetricName,
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

const TYPE_NAMES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

export class TextParser extends LineParser {
  constructor(bytes: Uint8Array) {
    super(bytes, new SeriesScanner(), TYPE_NAMES);
  }

  protected override unescape(text: string): string {
    return unescapeHelp(text);
  }

  /** It may be a longer name, or have labels behind a blank. */
  protected override goesOn(offset: number): boolean {
    const { bytes } = this;
    if (continuesMetricName(bytes[offset])) return true;
    const at = skipBlanks(bytes, offset, bytes.length);
    return at < bytes.length && bytes[at] === OPEN;
  }

  protected override readEntry(): Entry {
    const { bytes } = this;
    for (;;) {
      const start = this.entryEnd;
      this.begin(start);
      const { limit } = this;
      const at = skipBlanks(bytes, start, limit);
      if (at === bytes.length) return END;
      const byte = at < limit ? bytes[at] : 0;
      if (byte === NEWLINE) {
        this.entryEnd = at + 1;
        continue;
      }
      if (byte === HASH) return this.#readComment(at + 1);
      if (!startsMetricName(byte) && byte !== OPEN) {
        throw new ExpositionFault('ERR_EXPOSITION', badStart(byte), at);
      }
      if (at !== start && byte !== OPEN) {
        throw new ExpositionFault('ERR_EXPOSITION', 'a sample must not be indented', start);
      }
      this.readSampleAt(at);
      return SAMPLE;
    }
  }

  /** Reads what follows a `#`: metadata when it has the very form, otherwise a comment. */
  #readComment(start: number): Entry {
    const { bytes } = this;
    const end = lineEnd(bytes, start);
    if (end - this.entryStart > LINE_BYTES_MAX) throw this.tooLong();
    this.entryEnd = Math.min(end + 1, bytes.length);
    const word = skipBlanks(bytes, start, end);
    const nameStart = skipBlanks(bytes, word + 4, end);
    if (word === start || nameStart <= word + 4) return COMMENT;
    const entry = metadataKind(bytes, word);
    if (entry === COMMENT) return COMMENT;
    this.#readMetadata(entry, nameStart, end);
    return entry;
  }

  #readMetadata(entry: typeof HELP | typeof TYPE, nameStart: number, nameLineEnd: number): void {
    const { bytes } = this;
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
    // One byte parts the name from the text; a rest of nothing but blanks is no text.
    const isBlank = skipBlanks(bytes, nameEnd, end) === end;
    this.setMetadata(entry, [nameStart, nameEnd], [isBlank ? end : nameEnd + 1, end]);
  }

  /** Reads value, timestamp and line end behind a series and moves to the next line. */
  protected override readSample(): void {
    const { bytes, limit } = this;
    const start = skipBlanks(bytes, this.seriesEnd, limit);
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
    this.#readTimestamp(at);
  }

  #slowValue(start: number, end: number): number {
    if (start === end) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a value after the series', start);
    }
    const value = parseGoFloat(this.bytes, start, end);
    if (value === undefined) {
      const hasReturn = this.bytes[end - 1] === CARRIAGE_RETURN;
      const message = hasReturn ? LINE_END_FAULT : 'the value is not a number';
      throw new ExpositionFault('ERR_EXPOSITION_VALUE', message, start);
    }
    return value;
  }

  #readTimestamp(valueEnd: number): void {
    const { bytes, limit } = this;
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
    this.entryEnd = Math.min(at + 1, bytes.length);
  }

  #badEnd(at: number): string {
    if (this.bytes[at] === CARRIAGE_RETURN) return LINE_END_FAULT;
    return this.hasTimestamp
      ? 'expected the end of the line after the timestamp'
      : 'expected a timestamp or the end of the line after the value';
  }
}

const LINE_END_FAULT = 'lines must end in LF alone, not CR LF';

function badStart(byte: number): string {
  return byte === CARRIAGE_RETURN ? LINE_END_FAULT : 'expected a metric name or a comment';
}

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
