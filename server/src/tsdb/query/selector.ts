import { CodedError } from '../../base/errors.ts';
import { METRIC_NAME } from '../../model/labels.ts';
import { makeMatcher, type Matcher, type MatchOperator } from './matcher.ts';

// The series selector of PromQL: `name{label="value",other=~"a|b"}`.

const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const SPACE = /(?:\s|#[^\n]*)*/y;
const QUOTES = '"\'`';
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** `ERR_SELECTOR` with the place when the text is no selector, `ERR_REGEX` for its patterns. */
export function parseSelector(text: string): Matcher[] {
  return new SelectorParser(text).parse();
}

class SelectorParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Matcher[] {
    const matchers: Matcher[] = [];
    this.#match(SPACE);
    const metric = this.#match(METRIC);
    if (metric !== undefined) matchers.push(makeMatcher(METRIC_NAME, '=', metric));
    this.#match(SPACE);
    if (this.#text[this.#at] === '{') this.#braces(matchers, metric !== undefined);
    else if (metric === undefined) throw this.#error('a metric name or {');
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw this.#error('the end');
    return matchers;
  }

  #braces(matchers: Matcher[], hasMetric: boolean): void {
    this.#at++;
    for (;;) {
      this.#match(SPACE);
      if (this.#accept('}')) return;
      const isQuoted = QUOTES.includes(this.#text[this.#at] ?? ' ');
      const name = isQuoted ? this.#string() : this.#match(LABEL);
      if (name === undefined) throw this.#error('a label name');
      this.#match(SPACE);
      const operator = this.#match(OPERATOR);
      this.#match(SPACE);
      if (operator !== undefined) {
        matchers.push(makeMatcher(name, operator as MatchOperator, this.#string()));
      } else if (isQuoted && !hasMetric) {
        // A quoted text by itself is the name of the metric.
        matchers.push(makeMatcher(METRIC_NAME, '=', name));
      } else {
        throw this.#error('=, !=, =~ or !~');
      }
      this.#match(SPACE);
      if (this.#accept(',')) continue;
      if (this.#accept('}')) return;
      throw this.#error(', or }');
    }
  }

  #string(): string {
    const quote = this.#text[this.#at] ?? ' ';
    if (!QUOTES.includes(quote)) throw this.#error('a text in quotes');
    this.#at++;
    let value = '';
    for (;;) {
      const char = this.#text[this.#at++];
      if (char === undefined || (char === '\n' && quote !== '`'))
        throw this.#error('the end quote');
      if (char === quote) return value;
      value += char === '\\' && quote !== '`' ? this.#escape() : char;
    }
  }

  #escape(): string {
    const simple = SIMPLE_ESCAPES[this.#text[this.#at] ?? ' '];
    if (simple !== undefined) {
      this.#at++;
      return simple;
    }
    const code = this.#match(/x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}/y);
    if (code === undefined) throw this.#error('an escape that is known');
    const number = /^\d/.test(code) ? parseInt(code, 8) : parseInt(code.slice(1), 16);
    if (number > 0x10ffff) throw this.#error('a code point');
    return String.fromCodePoint(number);
  }

  #match(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text);
    if (match === null) return undefined;
    this.#at = expression.lastIndex;
    return match[0];
  }

  #accept(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #error(expected: string): CodedError {
    return new CodedError('ERR_SELECTOR', 'a series selector cannot be read', {
      selector: this.#text,
      position: this.#at + 1,
      expected,
    });
  }
}
