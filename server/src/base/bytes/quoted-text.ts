// Texts in quotes as PromQL has them, which are Go's: util/strutil/quote.go and promql/parser/lex.go of
// Prometheus. Escapes stand for code points or for single bytes of UTF-8.

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const CODE_ESCAPE = /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})/y;
const BYTE_MAX = 0xff;
const CODE_POINT_MAX = 0x10ffff;
/** What a byte that is no part of a character becomes: half of a pair, which no decoded text has. */
const STRAY_BYTE = 0xdc00;

/** The value, or what should have stood at `end`. */
export type QuotedText =
  | { readonly value: string; readonly end: number }
  | { readonly expected: string; readonly end: number };

/**
 * Reads what begins at `start` with `"`, `'` or a backquote. Bytes that are no UTF-8 come out as lone
 * surrogates: such a text is equal to none that was read from UTF-8, as it is in Go.
 */
export function readQuotedText(source: string, start: number): QuotedText {
  const quote = source[start];
  const parts: (string | number)[] = [];
  for (let at = start + 1; ;) {
    const char = source[at];
    if (char === quote) return { value: joined(parts), end: at + 1 };
    if (char === undefined || (char === '\n' && quote !== '`')) {
      return { expected: 'the end quote', end: at };
    }
    if (char === '\ufffd') return { expected: 'UTF-8', end: at };
    if (char !== '\\' || quote === '`') {
      const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
      parts.push(character);
      at += character.length;
      continue;
    }
    const escaped = source[at + 1] ?? '';
    const simple = escaped === quote ? quote : SIMPLE_ESCAPES[escaped];
    const code = simple === undefined ? readCode(source, at + 1) : undefined;
    const part = simple ?? code?.part;
    if (part === undefined) return { expected: 'an escape that is known', end: at + 1 };
    parts.push(part);
    at = code?.end ?? at + 2;
  }
}

function readCode(source: string, at: number): { part: string | number; end: number } | undefined {
  CODE_ESCAPE.lastIndex = at;
  const match = CODE_ESCAPE.exec(source);
  if (match === null) return undefined;
  const end = CODE_ESCAPE.lastIndex;
  const [, byte, short, long, octal] = match;
  if (byte !== undefined) return { part: parseInt(byte, 16), end };
  if (octal !== undefined) {
    const part = parseInt(octal, 8);
    return part <= BYTE_MAX ? { part, end } : undefined;
  }
  const code = parseInt(short ?? long, 16);
  if (code > CODE_POINT_MAX || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  return { part: String.fromCodePoint(code), end };
}

/** @param parts texts, and single bytes */
function joined(parts: readonly (string | number)[]): string {
  if (parts.every((part) => typeof part === 'string')) return parts.join('');
  const encoder = new TextEncoder();
  const bytes = parts.flatMap((part) =>
    typeof part === 'number' ? [part] : Array.from(encoder.encode(part)),
  );
  return decode(Uint8Array.from(bytes));
}

function decode(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = characterBytes(bytes[at]);
    try {
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(STRAY_BYTE + bytes[at]);
      at++;
    }
  }
  return text;
}

function characterBytes(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
