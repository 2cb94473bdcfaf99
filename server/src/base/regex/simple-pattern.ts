import {
  ALL_CODE_POINTS,
  areDisjoint,
  type CodePoints,
  codePoints,
  complement,
  LAST_CODE_POINT,
} from './code-points.ts';

// The part of RE2's syntax that most matchers keep to: characters, classes and `.`, repeats of these,
// alternatives in groups, and (?i) at the beginning. It means the same to RE2, and is read to sets of
// code points so that no other syntax comes into it. Whatever is beyond it is left to RE2.

/** Repeats of a character out of a set. */
export interface Repeat {
  readonly kind: 'repeat';
  readonly set: CodePoints;
  readonly min: number;
  /** `min`, 1 or Infinity. */
  readonly max: number;
}

export interface Group {
  readonly kind: 'group';
  readonly alternatives: Alternatives;
}

export type Sequence = readonly (Repeat | Group)[];
export type Alternatives = readonly Sequence[];

/** RE2's own limit of a count. */
const COUNT_MAX = 1000;
/** Deeper groups are nobody's simple pattern. */
const DEPTH_MAX = 20;

const DIGITS: CodePoints = [[0x30, 0x39]];
const WORD: CodePoints = codePoints([...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const SPACE: CodePoints = codePoints([
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
]);
/** What may have another case. */
const CASED: CodePoints = [
  [0x41, 0x5a],
  [0x61, 0x7a],
  [0x80, LAST_CODE_POINT],
];
const CLASS_ESCAPES: Readonly<Record<string, CodePoints>> = {
  d: DIGITS,
  w: WORD,
  s: SPACE,
  D: complement(DIGITS),
  W: complement(WORD),
  S: complement(SPACE),
};
const OPERATORS = new Set('\\^$.*+?()[]{}|');
const PUNCTUATION = /^[!-/:-@[-`{-~]$/;
/** The characters beyond ASCII that a letter is equal to when case does not matter. */
const FOLDED: Readonly<Record<string, number>> = { k: 0x212a, s: 0x17f };

/** Undefined when the pattern is beyond what is understood here, which includes every wrong one. */
export function parseSimplePattern(pattern: string): Alternatives | undefined {
  const [, flags = ''] = /^\(\?(i|s|is|si)\)/.exec(pattern) ?? [];
  const body = flags === '' ? pattern : pattern.slice(flags.length + 3);
  let alternatives = new SimpleParser(body, flags.includes('i')).parse();
  // A group around everything changes nothing.
  while (alternatives?.length === 1 && alternatives[0].length === 1) {
    const [only] = alternatives[0];
    if (only.kind !== 'group') break;
    alternatives = only.alternatives;
  }
  return alternatives;
}

class SimpleParser {
  readonly #chars: readonly string[];
  readonly #ignoresCase: boolean;
  #at = 0;

  constructor(pattern: string, ignoresCase: boolean) {
    this.#chars = Array.from(pattern);
    this.#ignoresCase = ignoresCase;
  }

  parse(): Alternatives | undefined {
    const alternatives = this.#alternatives(0);
    return this.#at === this.#chars.length ? alternatives : undefined;
  }

  #accept(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #alternatives(depth: number): Alternatives | undefined {
    const alternatives: Sequence[] = [];
    do {
      const sequence = this.#sequence(depth);
      if (sequence === undefined) return undefined;
      alternatives.push(sequence);
    } while (this.#accept('|'));
    return alternatives;
  }

  #sequence(depth: number): Sequence | undefined {
    const items: (Repeat | Group)[] = [];
    // The pattern has to match a whole text, so its ends say nothing new.
    if (depth === 0) this.#accept('^');
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === undefined || char === '|' || char === ')') return items;
      if (char === '$') {
        this.#at++;
        const next = this.#chars[this.#at];
        return depth === 0 && (next === undefined || next === '|') ? items : undefined;
      }
      const item = this.#accept('(') ? this.#group(depth + 1) : this.#repeat();
      if (item === undefined) return undefined;
      items.push(item);
    }
  }

  #group(depth: number): Group | undefined {
    if (depth > DEPTH_MAX) return undefined;
    if (this.#accept('?')) {
      if (!this.#accept(':') && !(this.#accept('s') && this.#accept(':'))) return undefined;
    }
    const alternatives = this.#alternatives(depth);
    if (alternatives === undefined || !this.#accept(')')) return undefined;
    const isRepeated = '*+?{'.includes(this.#chars[this.#at] ?? ' ');
    return isRepeated ? undefined : { kind: 'group', alternatives };
  }

  #repeat(): Repeat | undefined {
    const set = this.#set();
    if (set === undefined) return undefined;
    let [min, max] = [1, 1];
    if (this.#accept('*')) [min, max] = [0, Infinity];
    else if (this.#accept('+')) max = Infinity;
    else if (this.#accept('?')) min = 0;
    else if (this.#accept('{')) {
      const count = this.#count();
      if (count === undefined) return undefined;
      [min, max] = [count, count];
    } else return { kind: 'repeat', set, min, max };
    // As few as possible or as many as possible: whether a whole text matches is the same.
    this.#accept('?');
    return '*+?{'.includes(this.#chars[this.#at] ?? ' ')
      ? undefined
      : { kind: 'repeat', set, min, max };
  }

  #count(): number | undefined {
    let digits = '';
    while (/^\d$/.test(this.#chars[this.#at] ?? '')) digits += this.#chars[this.#at++];
    if (!/^(0|[1-9]\d{0,3})$/.test(digits) || !this.#accept('}')) return undefined;
    return Number(digits) <= COUNT_MAX ? Number(digits) : undefined;
  }

  #set(): CodePoints | undefined {
    const char = this.#chars[this.#at++];
    if (char === '.') return ALL_CODE_POINTS;
    if (char === '[') return this.#class();
    if (char === '\\') return this.#escape();
    return OPERATORS.has(char) && char !== ']' && char !== '}' ? undefined : this.#literal(char);
  }

  #literal(char: string): CodePoints | undefined {
    const code = char.codePointAt(0) ?? 0;
    if (!this.#ignoresCase) return [[code, code]];
    if (code > 0x7f) return undefined;
    const lower = char.toLowerCase();
    const codes = [lower.charCodeAt(0), char.toUpperCase().charCodeAt(0), FOLDED[lower] ?? code];
    return codePoints(codes.map((each) => [each, each]));
  }

  #escape(): CodePoints | undefined {
    const char = this.#chars[this.#at++] ?? '';
    if (PUNCTUATION.test(char)) return this.#literal(char);
    const set = CLASS_ESCAPES[char];
    return this.#ignoresCase && set !== DIGITS ? undefined : set;
  }

  #class(): CodePoints | undefined {
    const isNegated = this.#accept('^');
    const ranges: [number, number][] = [];
    while (!this.#accept(']')) {
      const members = this.#classMember();
      if (members === undefined) return undefined;
      if (this.#chars[this.#at] !== '-' || this.#chars[this.#at + 1] === ']') {
        ranges.push(...members.map(([first, last]): [number, number] => [first, last]));
        continue;
      }
      this.#at++;
      const ends = this.#classMember();
      if (ends === undefined || !isOne(members) || !isOne(ends)) return undefined;
      if (members[0][0] > ends[0][0]) return undefined;
      ranges.push([members[0][0], ends[0][0]]);
    }
    // A bracket right behind the opening one would stand for itself.
    if (ranges.length === 0) return undefined;
    const set = codePoints(ranges);
    if (this.#ignoresCase && !areDisjoint(set, CASED)) return undefined;
    return isNegated ? complement(set) : set;
  }

  /** A character or an escape; a dash stands for itself at the end only, a bracket behind a backslash. */
  #classMember(): CodePoints | undefined {
    const char = this.#chars[this.#at++];
    if (char === undefined || char === '[' || char === ']') return undefined;
    if (char === '\\') return this.#escape();
    if (char === '-' && this.#chars[this.#at] !== ']') return undefined;
    const code = char.codePointAt(0) ?? 0;
    return [[code, code]];
  }
}

function isOne(set: CodePoints): boolean {
  return set.length === 1 && set[0][0] === set[0][1];
}
