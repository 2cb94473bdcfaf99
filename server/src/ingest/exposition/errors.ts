import { CodedError } from '../../base/errors.ts';

const FOUND_BYTES_MAX = 40;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A fault in exposition text before it is known on which line it is; parsers make an error of it. */
export class ExpositionFault extends Error {
  readonly code: string;
  readonly offset: number;

  constructor(code: string, message: string, offset: number) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

/** The error that callers get: the line first, since people read it in a panel. */
export function expositionError(fault: ExpositionFault, bytes: Uint8Array): CodedError {
  const { line, column } = locate(bytes, fault.offset);
  return new CodedError(fault.code, `line ${line}: ${fault.message}`, {
    line,
    column,
    found: foundText(bytes, fault.offset),
  });
}

/** Lines are counted only here: a scrape has many lines and one error at most. */
function locate(bytes: Uint8Array, offset: number): { line: number; column: number } {
  let line = 1;
  let lineStart = 0;
  for (let at = 0; at < offset; at++) {
    if (bytes[at] === 10) {
      line++;
      lineStart = at + 1;
    }
  }
  return { line, column: offset - lineStart + 1 };
}

/** What stands at `offset`, up to the end of the line, cut short. */
function foundText(bytes: Uint8Array, offset: number): string {
  if (offset >= bytes.length) return 'end of input';
  let end = Math.min(bytes.length, offset + FOUND_BYTES_MAX);
  const newline = bytes.subarray(offset, end).indexOf(10);
  if (newline === 0) return 'end of line';
  if (newline > 0) end = offset + newline;
  return JSON.stringify(decoder.decode(bytes.subarray(offset, end)));
}
