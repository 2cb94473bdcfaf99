import { compileRegex, literalAlternatives } from './regex.ts';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

/** Says which series are wanted by the value of one label; a label that is missing counts as ''. */
export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  matches(value: string): boolean;
  /** All values that match, when they are known without looking at any. */
  readonly values?: readonly string[];
  /** Matches whatever the value is. */
  readonly matchesAll: boolean;
}

const MATCH_ALL = new Set(['(?s:.*)', '(?s).*']);

/** `ERR_REGEX` when the value of `=~` or `!~` is no regular expression. */
export function makeMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  const base = { name, operator, value, matchesAll: false };
  if (operator === '=') return { ...base, matches: (text) => text === value, values: [value] };
  if (operator === '!=') return { ...base, matches: (text) => text !== value };
  const expression = compileRegex(value);
  if (operator === '!~') return { ...base, matches: (text) => !expression.test(text) };
  if (MATCH_ALL.has(value)) return { ...base, matches: () => true, matchesAll: true };
  const values = literalAlternatives(value);
  if (values === undefined) return { ...base, matches: (text) => expression.test(text) };
  const set = new Set(values);
  return { ...base, matches: (text) => set.has(text), values };
}
