import { ExpositionFault } from './errors.ts';

const NEWLINE = 10;
const QUOTE = 34;
const COMMA = 44;
const EQUAL = 61;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** Bit 1: may begin a label name; 2: may continue one; 4: may begin a metric name; 8: continue. */
const NAME_BYTES = new Uint8Array(256);
for (let byte = 0; byte < 128; byte++) {
  const char = String.fromCharCode(byte);
  if (/[a-zA-Z_]/.test(char)) NAME_BYTES[byte] = 1 | 2 | 4 | 8;
  else if (/[0-9]/.test(char)) NAME_BYTES[byte] = 2 | 8;
  else if (char === ':') NAME_BYTES[byte] = 4 | 8;
}

/** Whether `byte` may begin a metric name. */
export function startsMetricName(byte: number): boolean {
  return (NAME_BYTES[byte] & 4) !== 0;
}

/** Whether `byte` may stand in a metric name after its beginning. */
export function continuesMetricName(byte: number): boolean {
  return (NAME_BYTES[byte] & 8) !== 0;
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const NO_NAME = -1;

/**
 * Reads the text of a series, `name{label="value",…}` or `{"any name",label="value",…}`, and
 * remembers where its parts are. Text is made of them only when asked for, which is once per series,
 * not once per sample.
 */
export class SeriesScanner {
  readonly #isStrict: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Name start and end, then per label: name start, name end, value start, value end. */
  #spans = new Int32Array(64);
  #spanCount = 0;

  /**
   * @param isStrict OpenMetrics: no blanks, a comma between two labels, no line end in a value. What
   *     it takes means the same to the tolerant scanner of the text format.
   */
  constructor(isStrict = false) {
    this.#isStrict = isStrict;
  }

  /**
   * Reads the series that begins at `start` and returns the offset behind it: behind the name, or
   * behind the closing brace. `limit` ends the input; reaching it is a fault like any other.
   */
  scan(bytes: Uint8Array, start: number, limit: number): number {
    this.#bytes = bytes;
    this.#spanCount = 0;
    let at = start;
    while (at < limit && continuesMetricName(bytes[at])) at++;
    if (at > start) this.#addSpan(start, at);
    else this.#addSpan(NO_NAME, NO_NAME);
    const brace = this.#skip(at, limit);
    if (brace >= limit || bytes[brace] !== OPEN) return at;
    const end = this.#scanLabels(brace + 1, limit, false);
    if (this.#spans[0] === NO_NAME) {
      throw new ExpositionFault('ERR_EXPOSITION', 'the series has no metric name', start);
    }
    return end;
  }

  /** Reads the labels of an exemplar from behind their `{`; returns the offset behind the `}`. */
  scanExemplar(bytes: Uint8Array, start: number, limit: number): number {
    this.#bytes = bytes;
    this.#spanCount = 0;
    return this.#scanLabels(start, limit, true);
  }

  /** The labels of the series scanned last, `__name__` first, unsorted, duplicates kept. */
  pairs(): [string, string][] {
    const spans = this.#spans;
    const pairs: [string, string][] = [['__name__', this.#text(spans[0], spans[1])]];
    for (let i = 2; i < this.#spanCount; i += 4) {
      const value = this.#text(spans[i + 2], spans[i + 3]);
      pairs.push([this.#text(spans[i], spans[i + 1]), value]);
    }
    return pairs;
  }

  #scanLabels(start: number, limit: number, isExemplar: boolean): number {
    const bytes = this.#bytes;
    let at = this.#skip(start, limit);
    for (;;) {
      if (at < limit && bytes[at] === CLOSE) return at + 1;
      const nameStart = at;
      const isQuoted = at < limit && bytes[at] === QUOTE;
      at = isQuoted ? this.#scanQuotedName(at, limit, isExemplar) : this.#scanName(at, limit);
      const nameEnd = at;
      at = this.#skip(at, limit);
      if (isQuoted && !isExemplar && at < limit && (bytes[at] === COMMA || bytes[at] === CLOSE)) {
        this.#setMetricName(nameStart, nameEnd);
      } else {
        if (isQuoted) this.#addSpan(nameStart + 1, nameEnd - 1);
        else this.#addSpan(nameStart, nameEnd);
        if (at >= limit || bytes[at] !== EQUAL) {
          throw new ExpositionFault('ERR_EXPOSITION', 'expected "=" after the label name', at);
        }
        at = this.#skip(this.#scanValue(this.#skip(at + 1, limit), limit), limit);
      }
      // One comma may follow, even the last label; in the text format it may be missing.
      if (at < limit && bytes[at] === COMMA) at = this.#skip(at + 1, limit);
      else if (this.#isStrict && (at >= limit || bytes[at] !== CLOSE)) {
        throw new ExpositionFault('ERR_EXPOSITION', 'expected "," or "}" after the label', at);
      }
    }
  }

  #scanName(start: number, limit: number): number {
    const bytes = this.#bytes;
    if (start >= limit || (NAME_BYTES[bytes[start]] & 1) === 0) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a label name or "}"', start);
    }
    let at = start + 1;
    while (at < limit && (NAME_BYTES[bytes[at]] & 2) !== 0) at++;
    return at;
  }

  #scanQuotedName(start: number, limit: number, isExemplar: boolean): number {
    const end = quotedEnd(this.#bytes, start, limit, !isExemplar);
    if (end < 0) {
      throw new ExpositionFault('ERR_EXPOSITION', 'a quoted name has no closing quote', start);
    }
    // Nothing is kept of an exemplar, so its names may be anything.
    if (isExemplar) return end;
    if (end === start + 2) throw new ExpositionFault('ERR_EXPOSITION', 'a name is empty', start);
    if (!isUtf8(this.#bytes, start + 1, end - 1)) {
      throw new ExpositionFault('ERR_EXPOSITION_UTF8', 'a name is not UTF-8 text', start);
    }
    return end;
  }

  #setMetricName(start: number, end: number): void {
    if (this.#spans[0] !== NO_NAME) {
      throw new ExpositionFault('ERR_EXPOSITION', 'the series has two metric names', start);
    }
    this.#spans[0] = start + 1;
    this.#spans[1] = end - 1;
  }

  /** Reads a quoted value and returns the offset behind its closing quote. */
  #scanValue(start: number, limit: number): number {
    const bytes = this.#bytes;
    if (start >= limit || bytes[start] !== QUOTE) {
      throw new ExpositionFault('ERR_EXPOSITION', 'expected a quoted label value', start);
    }
    const end = quotedEnd(bytes, start, limit, !this.#isStrict);
    if (end < 0) {
      throw new ExpositionFault('ERR_EXPOSITION', 'a label value has no closing quote', start);
    }
    if (!isAscii(bytes, start, end)) this.#checkUtf8(start + 1, end - 1);
    this.#addSpan(start + 1, end - 1);
    return end;
  }

  #skip(start: number, limit: number): number {
    return this.#isStrict ? start : skipBlanks(this.#bytes, start, limit);
  }

  #checkUtf8(start: number, end: number): void {
    if (!isUtf8(this.#bytes, start, end)) {
      throw new ExpositionFault('ERR_EXPOSITION_UTF8', 'a label value is not UTF-8 text', start);
    }
  }

  #addSpan(start: number, end: number): void {
    if (this.#spanCount + 2 > this.#spans.length) {
      const larger = new Int32Array(this.#spans.length * 2);
      larger.set(this.#spans);
      this.#spans = larger;
    }
    this.#spans[this.#spanCount++] = start;
    this.#spans[this.#spanCount++] = end;
  }

  #text(start: number, end: number): string {
    return unescapeLabelValue(strictDecoder.decode(this.#bytes.subarray(start, end)));
  }
}

export function skipBlanks(bytes: Uint8Array, start: number, limit: number): number {
  let at = start;
  while (at < limit && (bytes[at] === 32 || bytes[at] === 9)) at++;
  return at;
}

/**
 * The offset behind the quoted text that begins at `start`, or -1 when it does not end before
 * `limit`. A backslash takes the next byte with it, unless that is a line end.
 */
export function quotedEnd(
  bytes: Uint8Array,
  start: number,
  limit: number,
  mayHoldLineEnds: boolean,
): number {
  for (let at = start + 1; at < limit; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === NEWLINE && !mayHoldLineEnds) return -1;
    if (byte === BACKSLASH && ++at < limit && bytes[at] === NEWLINE) return -1;
  }
  return -1;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] >= 0x80) return false;
  return true;
}

/** Whether `bytes[start, end)` is UTF-8 as Go checks it: no surrogates, no overlong forms. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    strictDecoder.decode(bytes.subarray(start, end));
    return true;
  } catch {
    return false;
  }
}

/** `\\`, `\"` and `\n`; another backslash stands for itself, as in Prometheus. */
export function unescapeLabelValue(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([\\"n])/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

/** `\\` and `\n` of a HELP text. */
export function unescapeHelp(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([\\n])/g, (_, char: string) => (char === 'n' ? '\n' : char));
}
