import { readQuotedText } from '../../base/bytes/quoted-text.ts';
import { CodedError } from '../../base/errors.ts';
import { METRIC_NAME } from '../../model/labels.ts';
import { makeMatcher, type Matcher, type MatchOperator } from './matcher.ts';

// The series selector of PromQL as Prometheus 3 reads it: `name{label="value","other name"=~"a|b"}`.

const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const SPACE = /(?:[ \t\n\r]|#[^\n]*)*/y;
const QUOTES = '"\'`';
/** Words that PromQL keeps for itself where a metric's name may stand; others of its words are names. */
const RESERVED = /^(?:atan2|bool|group_left|group_right|ignoring|inf|nan|on)$/i;

/** `ERR_SELECTOR` with the place when the text is no selector, `ERR_REGEX` for its patterns. */
export function parseSelector(text: string): Promise<Matcher[]> {
  return new SelectorParser(text).parse();
}

class SelectorParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  async parse(): Promise<Matcher[]> {
    const matchers: Matcher[] = [];
    this.#match(SPACE);
    const metric = this.#match(METRIC);
    if (metric !== undefined) {
      if (RESERVED.test(metric)) throw this.#error('a metric name, not a word of PromQL');
      matchers.push(await makeMatcher(METRIC_NAME, '=', metric));
    }
    this.#match(SPACE);
    if (this.#text[this.#at] === '{') await this.#braces(matchers);
    else if (metric === undefined) throw this.#error('a metric name or {');
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw this.#error('the end');
    return matchers;
  }

  async #braces(matchers: Matcher[]): Promise<void> {
    this.#at++;
    for (;;) {
      this.#match(SPACE);
      if (this.#accept('}')) return;
      const isQuoted = this.#isAtQuote();
      const name = isQuoted ? this.#string() : this.#match(LABEL);
      if (name === undefined) throw this.#error('a label name');
      this.#match(SPACE);
      const operator = this.#match(OPERATOR);
      this.#match(SPACE);
      if (operator !== undefined) {
        matchers.push(await makeMatcher(name, operator as MatchOperator, this.#string()));
      } else if (isQuoted) {
        // A quoted text by itself is the name of the metric.
        matchers.push(await makeMatcher(METRIC_NAME, '=', name));
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
    if (!this.#isAtQuote()) throw this.#error('a text in quotes');
    const read = readQuotedText(this.#text, this.#at);
    this.#at = read.end;
    if ('expected' in read) throw this.#error(read.expected);
    return read.value;
  }

  #isAtQuote(): boolean {
    return QUOTES.includes(this.#text[this.#at] ?? ' ');
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
