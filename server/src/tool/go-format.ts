import { formatUtc } from '../base/utc-time.ts';
import type { Labels } from '../model/labels.ts';

// Text as Go's fmt and strconv make it, so that outputs can be compared byte for byte.

/** A float as `%g`: with an exponent below 10^-4 and from 10^6 on. */
export function formatFloat(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e6) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  if (magnitude === Infinity) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (magnitude < 1e21 && magnitude >= 1e6) return withExponent(String(value));
  // JavaScript leaves out the zero in front of a single digit.
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Moves the point of a plain number; twice as fast as `toExponential`, and counters are many. */
function withExponent(text: string): string {
  const start = text.charCodeAt(0) === 0x2d ? 1 : 0;
  const point = text.indexOf('.');
  const digitsEnd = point < 0 ? text.length : point;
  let digits = text.slice(start + 1, digitsEnd) + (point < 0 ? '' : text.slice(point + 1));
  if (point < 0) {
    let end = digits.length;
    while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
    digits = digits.slice(0, end);
  }
  const exponent = digitsEnd - start - 1;
  const dot = digits === '' ? '' : '.';
  return `${text.slice(0, start + 1)}${dot}${digits}e+${exponent < 10 ? '0' : ''}${exponent}`;
}

/** Text in double quotes as `strconv.Quote`. */
export function quote(text: string): string {
  // What most labels are made of needs no look at each character.
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const char of text) quoted += quoteChar(char);
  return `${quoted}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
/** What Go calls printable. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function quoteChar(char: string): string {
  const escape = ESCAPES[char];
  if (escape !== undefined) return escape;
  if (PRINTABLE.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Labels as `labels.Labels.String`. */
export function formatLabelSet(labels: Labels): string {
  return `{${labels.map(({ name, value }) => `${name}=${quote(value)}`).join(', ')}}`;
}

/** A length of time as `time.Duration.String`. */
export function formatDuration(durationMs: number): string {
  const sign = durationMs < 0 ? '-' : '';
  const ms = Math.abs(durationMs);
  if (ms === 0) return '0s';
  if (ms < 1000) return `${sign}${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = `${(ms % 60_000) / 1000}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** A time as `time.Time.String` in UTC, in whole seconds, those before 1970 rounded up as promtool does. */
export function formatTime(timeMs: number): string {
  return `${formatUtc(Math.trunc(timeMs / 1000) * 1000)} +0000 UTC`;
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** Bytes as `units.Base2Bytes.String` of github.com/alecthomas/units. */
export function formatBytes(sizeBytes: number): string {
  let text = '';
  let rest = sizeBytes;
  for (const [i, unit] of UNITS.entries()) {
    if (rest % 1024 !== 0 || (i === 0 && rest === 0)) {
      text = `${rest % 1024}${unit}${i === 0 ? 'B' : 'iB'}${text}`;
    }
    rest = Math.floor(rest / 1024);
    if (rest === 0) break;
  }
  return text;
}

/** Rows as `text/tabwriter` lays them out with a width of 13, two spaces between. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) =>
    Math.max(13, ...rows.map((row) => [...row[column]].length + 2)),
  );
  return rows
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]))).join(''),
    )
    .map((line) => `${line}\n`)
    .join('');
}
