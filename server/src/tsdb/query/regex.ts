import { CodedError } from '../../base/errors.ts';

// Regular expressions of label matchers, which Prometheus takes as RE2 (github.com/google/re2/wiki/
// Syntax), by means of JavaScript's. What means something else there is translated; what RE2 lacks,
// or what could take exponential time in a backtracking engine, is refused.

/** Longest pattern; people write far shorter ones. */
const PATTERN_CHARS_MAX = 64 * 1024;
/** RE2's own limit. */
const REPEAT_MAX = 1000;

const SPACE = '\\t\\n\\f\\r ';
const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
const SAME_ESCAPES = new Set('dDwWbBtnrfv');
const GENERAL_CATEGORY = /^[CLMNPSZ][a-z]?$/;

/**
 * Compiles a pattern that has to match a whole value. `ERR_REGEX` when RE2 would refuse it, or when
 * its meaning cannot be kept.
 */
export function compileRegex(pattern: string): RegExp {
  if (pattern.length > PATTERN_CHARS_MAX) throw regexError(pattern.slice(0, 100), 'it is too long');
  const source = new Translator(pattern).translate();
  try {
    return new RegExp(`^(?:${source})$`, 'u');
  } catch (cause) {
    throw regexError(pattern, 'it is not valid', cause);
  }
}

/** The texts that a pattern without any operator but `|` stands for; undefined for other patterns. */
export function literalAlternatives(pattern: string): string[] | undefined {
  return /[\\^$.*+?()[\]{}]/.test(pattern) ? undefined : pattern.split('|');
}

interface Group {
  /** Closing brackets that inline flags such as `(?i)` opened. */
  extraClosings: number;
  /** Whether a repeat without an upper limit is inside. */
  hasLoop: boolean;
}

class Translator {
  readonly #pattern: string;
  #at = 0;
  #out = '';
  #groups: Group[] = [{ extraClosings: 0, hasLoop: false }];
  /** Whether the last item was a group with a loop in it. */
  #closedLoop = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  translate(): string {
    while (this.#at < this.#pattern.length) {
      const char = this.#take();
      const closedLoop = this.#closedLoop;
      this.#closedLoop = false;
      if (char === '\\') this.#escape();
      else if (char === '[') this.#class();
      else if (char === '(') this.#open();
      else if (char === ')') this.#close();
      else if (char === '*' || char === '+' || char === '?') this.#repeat(char, closedLoop);
      else if (char === '{') this.#counted(closedLoop);
      else this.#out += char === ']' || char === '}' || char === '/' ? `\\${char}` : char;
    }
    if (this.#groups.length > 1) throw this.#refused('a bracket is not closed');
    return this.#out + ')'.repeat(this.#groups[0].extraClosings);
  }

  #take(): string {
    const char = String.fromCodePoint(this.#pattern.codePointAt(this.#at) ?? 0);
    this.#at += char.length;
    return char;
  }

  #rest(expression: RegExp): RegExpExecArray | undefined {
    const sticky = new RegExp(expression.source, 'yu');
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#pattern);
    if (match === null) return undefined;
    this.#at = sticky.lastIndex;
    return match;
  }

  #escape(): void {
    if (this.#at === this.#pattern.length) throw this.#refused('it ends with a backslash');
    if (this.#rest(/Q/) !== undefined) {
      const end = this.#pattern.indexOf('\\E', this.#at);
      const text = this.#pattern.slice(this.#at, end < 0 ? undefined : end);
      this.#at = end < 0 ? this.#pattern.length : end + 2;
      this.#out += text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    } else if (this.#rest(/A/) !== undefined) {
      this.#out += '(?-m:^)';
    } else if (this.#rest(/z/) !== undefined) {
      this.#out += '(?-m:$)';
    } else if (this.#rest(/s/) !== undefined) {
      this.#out += `[${SPACE}]`;
    } else if (this.#rest(/S/) !== undefined) {
      this.#out += `[^${SPACE}]`;
    } else {
      this.#out += this.#commonEscape();
    }
  }

  /** What a backslash means both in a class and outside. */
  #commonEscape(): string {
    const hex = this.#rest(/x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/);
    if (hex !== undefined) return `\\u{${hex[1] ?? hex[2]}}`;
    const property = this.#rest(/([pP])(?:\{(\^?)(\w+)\}|([CLMNPSZ]))/);
    if (property !== undefined) {
      const [, kind, caret = '', name = ''] = property;
      const wanted = name === '' ? property[4] : name;
      const isNegated = (kind === 'P') !== (caret === '^');
      const value = GENERAL_CATEGORY.test(wanted) ? wanted : `Script=${wanted}`;
      return `\\${isNegated ? 'P' : 'p'}{${value}}`;
    }
    const char = this.#take();
    if (char === 'a') return '\\x07';
    if (SAME_ESCAPES.has(char)) return `\\${char}`;
    if (/[0-9A-Za-z]/.test(char) || char > '\x7f') {
      throw this.#refused(`\\${char} is not supported`);
    }
    return /[\\^$.*+?()[\]{}|/-]/.test(char) ? escapeSyntax(char) : char;
  }

  #class(): void {
    let out = this.#rest(/\^/) === undefined ? '[' : '[^';
    // A bracket right behind the opening one stands for itself.
    if (this.#rest(/\]/) !== undefined) out += '\\]';
    for (;;) {
      if (this.#at >= this.#pattern.length) throw this.#refused('a class is not closed');
      const posix = this.#rest(/\[:(\^?)(\w+):\]/);
      if (posix !== undefined) {
        const [, caret, name] = posix;
        const members = POSIX_CLASSES[name];
        if (members === undefined || caret === '^') {
          throw this.#refused(`the class ${name} is not supported`);
        }
        out += members;
        continue;
      }
      const char = this.#take();
      if (char === ']') break;
      if (char !== '\\') out += /[[\]{}()|/^$.*+?]/.test(char) ? `\\${char}` : char;
      else if (this.#rest(/s/) !== undefined) out += SPACE;
      else if (this.#rest(/[SbB]/) !== undefined) throw this.#refused('a class in a class');
      else out += this.#commonEscape();
    }
    this.#out += `${out}]`;
  }

  #open(): void {
    const flags = this.#rest(/\?([ims]*)(-[ims]+)?([:)])/);
    if (flags !== undefined) {
      const [, on, off = '', end] = flags;
      if (end === ')') {
        // Flags without a group hold up to the end of the group around them.
        if (on !== '' || off !== '') {
          if (this.#out.endsWith('|') || this.#groupHasAlternative()) {
            throw this.#refused('flags behind | are not supported');
          }
          this.#out += `(?${on}${off}:`;
          this.#groups[this.#groups.length - 1].extraClosings++;
        }
        return;
      }
      this.#out += `(?${on}${off}:`;
    } else {
      const named = this.#rest(/\?P?<([A-Za-z_]\w*)>/);
      if (named !== undefined) this.#out += `(?<${named[1]}>`;
      else if (this.#pattern[this.#at] === '?')
        throw this.#refused('it looks around or sets flags');
      else this.#out += '(?:';
    }
    this.#groups.push({ extraClosings: 0, hasLoop: false });
  }

  #groupHasAlternative(): boolean {
    return this.#groups.length === 1 && this.#out.includes('|');
  }

  #close(): void {
    const group = this.#groups.pop();
    const outer = this.#groups.at(-1);
    if (group === undefined || outer === undefined) throw this.#refused('a bracket closes nothing');
    this.#out += ')'.repeat(1 + group.extraClosings);
    this.#closedLoop = group.hasLoop;
    outer.hasLoop ||= group.hasLoop;
  }

  #repeat(operator: string, closedLoop: boolean): void {
    if (operator !== '?') this.#loop(closedLoop);
    this.#out += operator;
    if (this.#rest(/\?/) !== undefined) this.#out += '?';
  }

  #counted(closedLoop: boolean): void {
    const count = this.#rest(/(\d+)(,?)(\d*)\}/);
    if (count === undefined) {
      this.#out += '\\{';
      return;
    }
    const [, low, comma, high] = count;
    if (Number(low) > REPEAT_MAX || Number(high) > REPEAT_MAX) {
      throw this.#refused('a repeat count is above 1000');
    }
    if (comma === ',' || Number(low) > 1) this.#loop(closedLoop);
    this.#out += `{${low}${comma}${high}}`;
    if (this.#rest(/\?/) !== undefined) this.#out += '?';
  }

  #loop(closedLoop: boolean): void {
    if (closedLoop) throw this.#refused('a repeat within a repeat may take for ever');
    this.#groups[this.#groups.length - 1].hasLoop = true;
  }

  #refused(reason: string): CodedError {
    return regexError(this.#pattern, reason);
  }
}

function escapeSyntax(char: string): string {
  // Outside of a class the dash needs no backslash, and may not have one.
  return char === '-' ? '\\x2d' : `\\${char}`;
}

function regexError(pattern: string, reason: string, cause?: unknown): CodedError {
  return new CodedError(
    'ERR_REGEX',
    `a regular expression cannot be used: ${reason}`,
    { pattern },
    cause,
  );
}
