import { CodedError } from '../base/errors.ts';
import { cleanText, closedError, notHttpError } from './http-errors.ts';

// HTTP/1 answers (RFC 9112), as forgiving as the Go client of Prometheus 2.42, by which exporters are
// tried out: a line may end in a lone LF, the status line may name any version and have more blanks,
// and the name of a field may be anything.

/** All of a head; Go takes ten times as much. */
const HEAD_BYTES_MAX = 1024 * 1024;
/** What comes behind the last chunk. */
const TRAILER_BYTES_MAX = 64 * 1024;
/** The line that begins a chunk. */
const CHUNK_LINE_BYTES_MAX = 4096;

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const PROTOCOL = 'HTTP/';
const STATUS_LINE = /^HTTP\/(\d)\.(\d) +(\d{3})(?: (.*))?$/s;
const CHUNK_LINE = /^0*([0-9a-f]{1,13})[ \t]*(?:;.*)?$/i;
/** Fields whose lines make one list; of others the first line counts. */
const LISTS = new Set(['connection', 'content-length', 'transfer-encoding']);
/** The others that anybody asks for: what else a head is full of takes no memory. */
const WANTED = new Set(['content-encoding', 'content-type', 'location']);

export interface AnswerHead {
  readonly status: number;
  /** The server's own words. */
  readonly statusText: string;
  /** Values by name in lower case, of the fields that are of use. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface AnswerListener {
  /** Once, when the head is there. */
  onHead(head: AnswerHead): void;
  /** The next bytes of the body, void after the call. */
  onBody(bytes: Buffer): void;
  /** Once, when the body has ended. */
  onEnd(): void;
}

type State =
  'status' | 'fields' | 'body' | 'chunk-line' | 'chunk' | 'chunk-end' | 'trailer' | 'end';

/**
 * Reads one answer from whatever pieces its bytes come in. Tells its listener while `push` and
 * `end` run, which throw when the bytes are no answer.
 */
export class AnswerReader {
  readonly #listener: AnswerListener;
  #state: State = 'status';
  /** What is there of a line whose end is not. */
  #line = '';
  #lineBytesLeft = HEAD_BYTES_MAX;
  /** Bytes of the body or the chunk that are still to come; Infinity: until the connection ends. */
  #bytesLeft = 0;
  /** Of the protocol, 1.1 as 11. */
  #version = 0;
  #status = 0;
  #statusText = '';
  #fields = new Map<string, string>();
  /** The field that a folded line goes on; '' for one that does not count, undefined before any. */
  #lastField: string | undefined;
  #mayReuse = false;

  constructor(listener: AnswerListener) {
    this.#listener = listener;
  }

  /** Whether the connection is good for another request, once the answer has ended. */
  get mayReuse(): boolean {
    return this.#mayReuse;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.#state !== 'end') {
      const isBody = this.#state === 'body' || this.#state === 'chunk';
      at = isBody ? this.#readBody(bytes, at) : this.#readLine(bytes, at);
    }
    if (this.#state !== 'end') return;
    // Nobody has asked for what follows.
    if (at < bytes.length) this.#mayReuse = false;
    this.#listener.onEnd();
  }

  /** The other side has ended the connection. */
  end(): void {
    if (this.#state === 'end') return;
    if (this.#bytesLeft !== Infinity) throw closedError();
    this.#state = 'end';
    this.#listener.onEnd();
  }

  #readBody(bytes: Buffer, start: number): number {
    const end = Math.min(bytes.length, start + this.#bytesLeft);
    this.#bytesLeft -= end - start;
    this.#listener.onBody(bytes.subarray(start, end));
    if (this.#bytesLeft === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'end';
    return end;
  }

  #readLine(bytes: Buffer, start: number): number {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    this.#lineBytesLeft -= newline < 0 ? end - start : end - start + 1;
    if (this.#lineBytesLeft < 0) throw this.#tooLarge();
    const isBegin = this.#state === 'status' && this.#line.length < PROTOCOL.length;
    const line = this.#line + bytes.toString('latin1', start, end);
    // Who speaks another protocol may wait for us to say something in it.
    if (isBegin && !PROTOCOL.startsWith(line.slice(0, PROTOCOL.length))) throw notHttpError();
    this.#line = newline < 0 ? line : '';
    if (newline < 0) return end;
    this.#takeLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    return newline + 1;
  }

  #takeLine(line: string): void {
    switch (this.#state) {
      case 'status':
        this.#takeStatus(line);
        break;
      case 'fields':
        if (line === '') this.#endHead();
        else this.#takeField(line);
        break;
      case 'chunk-line':
        this.#beginChunk(line);
        break;
      case 'chunk-end':
        if (line !== '') throw notHttpError();
        this.#expectChunk();
        break;
      default:
        if (line === '') this.#state = 'end';
    }
  }

  #takeStatus(line: string): void {
    const parts = STATUS_LINE.exec(line);
    if (parts === null) throw notHttpError();
    this.#version = Number(parts[1]) * 10 + Number(parts[2]);
    this.#status = Number(parts[3]);
    this.#statusText = cleanText(parts[4] ?? '');
    this.#fields = new Map();
    this.#lastField = undefined;
    this.#state = 'fields';
  }

  #takeField(line: string): void {
    const last = this.#lastField;
    if (last !== undefined && (line.startsWith(' ') || line.startsWith('\t'))) {
      const value = this.#fields.get(last);
      if (value !== undefined) this.#fields.set(last, trimmed(`${value} ${trimmed(line)}`));
      return;
    }
    const colon = line.indexOf(':');
    // What goes on from nothing is no field.
    if (colon < 0 || isBlank(line.charCodeAt(0))) throw notHttpError();
    const name = line.slice(0, colon).trimEnd().toLowerCase();
    if (!LISTS.has(name) && !WANTED.has(name)) {
      this.#lastField = '';
      return;
    }
    const value = trimmed(line.slice(colon + 1));
    const known = this.#fields.get(name);
    this.#lastField = known === undefined || LISTS.has(name) ? name : '';
    if (known === undefined) this.#fields.set(name, value);
    else if (LISTS.has(name)) this.#fields.set(name, `${known}, ${value}`);
  }

  #endHead(): void {
    const status = this.#status;
    if (status === 101) throw closedError();
    if (status >= 100 && status < 200) {
      // The answer is yet to come.
      this.#state = 'status';
      return;
    }
    this.#frameBody();
    this.#mayReuse = this.#bytesLeft !== Infinity && this.#isKept();
    this.#listener.onHead({ status, statusText: this.#statusText, fields: this.#fields });
  }

  /** Finds out where the body will end. Chunks come before a length, as the standard says. */
  #frameBody(): void {
    const encoding = this.#fields.get('transfer-encoding')?.toLowerCase();
    const length = this.#fields.get('content-length');
    if (this.#status === 204 || this.#status === 304) {
      this.#state = 'end';
    } else if (encoding !== undefined && this.#hasChunks) {
      if (encoding !== 'chunked') {
        throw new CodedError('ERR_HTTP', 'answered in a transfer encoding that is not known');
      }
      this.#expectChunk();
    } else if (length !== undefined) {
      this.#bytesLeft = lengthOf(length);
      this.#state = this.#bytesLeft === 0 ? 'end' : 'body';
    } else {
      this.#bytesLeft = Infinity;
      this.#state = 'body';
    }
  }

  /** Go takes 0.0 for no version, and that for 1.1. */
  get #hasChunks(): boolean {
    return this.#version > 10 || this.#version === 0;
  }

  #isKept(): boolean {
    if (this.#version < 10) return false;
    const connection = this.#fields.get('connection');
    if (connection === undefined) return this.#version > 10;
    const options = connection.toLowerCase().split(',').map(trimmed);
    return !options.includes('close') && (this.#version > 10 || options.includes('keep-alive'));
  }

  #expectChunk(): void {
    this.#lineBytesLeft = CHUNK_LINE_BYTES_MAX;
    this.#state = 'chunk-line';
  }

  #beginChunk(line: string): void {
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) throw notHttpError();
    this.#bytesLeft = Number.parseInt(size, 16);
    this.#lineBytesLeft = TRAILER_BYTES_MAX;
    this.#state = this.#bytesLeft === 0 ? 'trailer' : 'chunk';
  }

  #tooLarge(): CodedError {
    const isHead = this.#state === 'status' || this.#state === 'fields';
    return isHead
      ? new CodedError('ERR_HTTP', 'the headers of the answer are too large')
      : notHttpError();
  }
}

/** Without blanks and tabs at its ends; what else a string's `trim` takes away is text here. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(char: number): boolean {
  return char === SPACE || char === TAB;
}

/** The same length may be given more than once. */
function lengthOf(text: string): number {
  const [first, ...others] = text.split(',').map(trimmed);
  const isValid = /^\d{1,15}$/.test(first) && others.every((other) => other === first);
  if (!isValid) throw notHttpError();
  return Number(first);
}
