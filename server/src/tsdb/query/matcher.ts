import { compileRegex } from '../../base/regex/regex.ts';

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

/** `ERR_REGEX` when the value of `=~` or `!~` is no regular expression. */
export async function makeMatcher(
  name: string,
  operator: MatchOperator,
  value: string,
): Promise<Matcher> {
  const base = { name, operator, value, matchesAll: false };
  if (operator === '=') return { ...base, matches: (text) => text === value, values: [value] };
  if (operator === '!=') return { ...base, matches: (text) => text !== value };
  const { matches, matchesAll, texts } = await compileRegex(value);
  if (operator === '!~') return { ...base, matches: (text) => !matches(text) };
  return { ...base, matches, matchesAll, ...(texts !== undefined && { values: texts }) };
}
