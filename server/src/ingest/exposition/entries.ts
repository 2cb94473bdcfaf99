import { sameBytes } from '../../base/bytes/same-bytes.ts';
import type { CodedError } from '../../base/errors.ts';
import { continuesMetricName, startsMetricName, unescapeLabelValue } from './series-scanner.ts';

// What both text formats have in common.

/** What a parser's `next` has found. */
export const END = 0;
export const SAMPLE = 1;
export const HELP = 2;
export const TYPE = 3;
export const COMMENT = 4;
export const UNIT = 5;
export type Entry =
  typeof END | typeof SAMPLE | typeof HELP | typeof TYPE | typeof COMMENT | typeof UNIT;

/**
 * A pull parser: `next()` reads one entry and leaves it in the fields; nothing is allocated per
 * sample. The input must not change while it is parsed. A fault throws a `CodedError` whose message
 * begins with the line and whose details are `line`, `column` (in bytes, from 1) and `found`; the
 * parser is of no use after it.
 */
export interface ExpositionParser {
  /** Of the current sample. Any NaN is an ordinary NaN. */
  readonly value: number;
  /** Of the current sample; without meaning unless `hasTimestamp`. */
  readonly timestampMs: number;
  readonly hasTimestamp: boolean;
  /** Where the text of the current sample's series is, `name{…}` as written. */
  readonly seriesStart: number;
  readonly seriesEnd: number;
  /** Where the current entry begins and ends, its line end included. */
  readonly entryStart: number;
  readonly entryEnd: number;

  /** Reads the next entry; `END` when there is none. */
  next(): Entry;

  /**
   * The short way: true when the next entry is a sample whose series is written exactly as
   * `key[start, end)`, taken from an earlier `seriesStart` and `seriesEnd`; the entry is then read
   * as by `next()`. Otherwise false and nothing has moved.
   */
  nextKnown(key: DataView, start: number, end: number): boolean;

  /**
   * Passes over the next entry when it is written exactly as `entry[start, end)`, taken from an
   * earlier `entryStart` and `entryEnd` and ending in a line end. Otherwise false, nothing moved.
   */
  skipKnown(entry: DataView, start: number, end: number): boolean;

  /** The metric name of the current HELP, TYPE or UNIT entry. */
  name(): string;

  /** The unescaped text of the current HELP entry, or the type or unit of the current entry. */
  text(): string;

  /** The labels of the current sample as written, `__name__` first; not after `nextKnown`. */
  labelPairs(): [string, string][];

  /** An error of the caller's about the current sample, located like the parser's own. */
  errorAtSample(code: string, message: string): CodedError;
}

const NEWLINE = 10;
const QUOTE = 34;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The offset of the next line end, or the end of the input. */
export function lineEnd(bytes: Uint8Array, start: number): number {
  const found = bytes.indexOf(NEWLINE, start);
  return found < 0 ? bytes.length : found;
}

/** The offset behind the entry at `offset` when it is `entry[start, end)`; otherwise -1. */
export function knownEnd(
  bytes: DataView,
  offset: number,
  entry: DataView,
  start: number,
  end: number,
): number {
  const next = offset + (end - start);
  if (next > bytes.byteLength) return -1;
  return sameBytes(entry, start, bytes, offset, end - start) ? next : -1;
}

/** The offset behind the unquoted metric name at `start`; `start` when there is none. */
export function nameEndAt(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || !startsMetricName(bytes[start])) return start;
  let at = start + 1;
  while (at < end && continuesMetricName(bytes[at])) at++;
  return at;
}

/** The name in `bytes[start, end)`, which may be quoted. */
export function metadataName(bytes: Uint8Array, start: number, end: number): string {
  const isQuoted = bytes[start] === QUOTE;
  const text = decoder.decode(
    isQuoted ? bytes.subarray(start + 1, end - 1) : bytes.subarray(start, end),
  );
  return isQuoted ? unescapeLabelValue(text) : text;
}

/** Whether `word`, which is ASCII, stands at `offset`. */
export function hasWord(bytes: Uint8Array, offset: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if (bytes[offset + i] !== word.charCodeAt(i)) return false;
  }
  return true;
}
