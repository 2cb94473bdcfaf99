/** What a setting that is a list holds; each of its entries is judged by itself. */
export interface ParsedList<T> {
  readonly entries: readonly T[];
  /**
   * Where something is not usable and why, half a sentence each. What is written there is not
   * quoted: it may be a password in the wrong place.
   */
  readonly problems: readonly string[];
}

/** The reason why an entry is not usable, as half a sentence. */
export type Complaint = string;

const LENGTH_MAX = 8192;
const ENTRIES_MAX = 500;

/**
 * Reads one entry per line, without empty lines and those that begin with `#`.
 *
 * @param parse is told the number of the line, from 1
 */
export function parseLines<T extends object>(
  text: string,
  parse: (line: string, number: number) => T | Complaint,
): ParsedList<T> {
  return parsePieces(text.split('\n'), 'line', parse);
}

/** Reads entries between commas, semicolons, spaces and line ends. */
export function parseWords<T extends object>(
  text: string,
  parse: (word: string) => T | Complaint,
): ParsedList<T> {
  const words = text.split(/[\s,;]+/).filter((word) => word !== '');
  return parsePieces(words, 'entry', parse);
}

function parsePieces<T extends object>(
  pieces: readonly string[],
  what: string,
  parse: (piece: string, number: number) => T | Complaint,
): ParsedList<T> {
  const entries: T[] = [];
  const problems: string[] = [];
  for (const [i, piece] of pieces.entries()) {
    const entry = piece.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    if (entries.length === ENTRIES_MAX) {
      problems.push(`${what} ${i + 1}: at most ${ENTRIES_MAX} entries; the rest is left out`);
      break;
    }
    const parsed =
      entry.length > LENGTH_MAX ? `at most ${LENGTH_MAX} characters` : parse(entry, i + 1);
    if (typeof parsed === 'string') problems.push(`${what} ${i + 1}: ${parsed}`);
    else entries.push(parsed);
  }
  return { entries, problems };
}
