import { CodedError } from '../errors.ts';
import {
  isEverything,
  makeGlobTest,
  makeNativeTest,
  type TextTest,
  textsOfPattern,
} from './simple-matchers.ts';
import { parseSimplePattern } from './simple-pattern.ts';

// Regular expressions as Prometheus has them: RE2 (github.com/google/re2/wiki/Syntax), matching a
// whole text, where a dot takes line ends too. What is simple is matched without an engine or by that
// of JavaScript, where it means the same and takes time in proportion to the text; the rest by a port
// of Go's engine, which needs ten times as long. `build/conformance/regex` compares all with Go's.

/** Longest pattern that is more than a list of texts; people write far shorter ones. */
const PATTERN_CHARS_MAX = 64 * 1024;

/** What makes a pattern more than alternative texts. */
const OPERATOR = /[\\^$.*+?()[\]{}]/;
/**
 * The name of a group, behind what may look like one: a quoted text, an escape, a class. Go lets two
 * groups have one name, and the engine does not.
 */
const GROUP_NAME =
  /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]|(\(\?P?<\w+>)/gu;

export interface Regex {
  /** Whether all of the text matches. */
  readonly matches: TextTest;
  /** All texts that match, when they are known without looking at any; each once. */
  readonly texts?: readonly string[];
  /** Matches every text. */
  readonly matchesAll: boolean;
}

/**
 * `ERR_REGEX` when RE2 would refuse the pattern, or when it is longer than 65,536 characters. The
 * engine is loaded with the first pattern that needs it.
 */
export async function compileRegex(pattern: string): Promise<Regex> {
  // Half of a pair stands for a byte that is no UTF-8. Prometheus takes it in plain texts only.
  if (!pattern.isWellFormed() && OPERATOR.test(pattern)) throw regexError(pattern, 'invalid UTF-8');
  const simple = parseSimplePattern(pattern);
  if (simple !== undefined) {
    const texts = textsOfPattern(simple);
    if (texts !== undefined) {
      const set = new Set(texts);
      return { matches: (text) => set.has(text), texts: [...set], matchesAll: false };
    }
    const matches = makeGlobTest(simple) ?? makeNativeTest(simple);
    if (matches !== undefined) return { matches, matchesAll: isEverything(simple) };
  }
  return { matches: await compileRe2(pattern), matchesAll: false };
}

async function compileRe2(pattern: string): Promise<TextTest> {
  if (pattern.length > PATTERN_CHARS_MAX) {
    throw regexError(pattern.slice(0, 100), `longer than ${PATTERN_CHARS_MAX} characters`);
  }
  const { RE2JS } = await import('re2js');
  try {
    const nameless = pattern.replace(GROUP_NAME, (text, name?: string) =>
      name === undefined ? text : '(',
    );
    const expression = RE2JS.compile(nameless, RE2JS.DOTALL);
    return (text) => expression.testExact(text);
  } catch (cause) {
    throw regexError(pattern, 'RE2 does not take it', cause);
  }
}

function regexError(pattern: string, reason: string, cause?: unknown): CodedError {
  const message = `a regular expression cannot be used: ${reason}`;
  return new CodedError('ERR_REGEX', message, { pattern }, cause);
}
