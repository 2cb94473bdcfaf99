import { areDisjoint, countOf, isAll, textsOf } from './code-points.ts';
import type { Alternatives, Group, Repeat, Sequence } from './simple-pattern.ts';

export type TextTest = (text: string) => boolean;

/** Texts that a pattern may be written out to, beyond one for each of its own alternatives. */
const TEXTS_MAX = 256;
/** Longer texts, by counts such as `a{1000}`, are RE2's to refuse. */
const TEXT_CHARS_MAX = 4096;
/** V8 writes a pattern out to machine code, and refuses what is too large when it is first used. */
const NATIVE_CHARS_MAX = 16 * 1024;
const NATIVE_COUNTS_MAX = 1000;
/** Ways through a pattern that V8 may try at each place of a text. */
const PATHS_MAX = 64;

/** Whether the pattern is `.*` in some form. */
export function isEverything([sequence, ...others]: Alternatives): boolean {
  const [item, ...rest] = sequence;
  if (others.length > 0 || rest.length > 0 || item?.kind !== 'repeat') return false;
  return item.min === 0 && item.max === Infinity && isAll(item.set);
}

/** All texts that match, when they are few. */
export function textsOfPattern(alternatives: Alternatives): string[] | undefined {
  return writeOut(alternatives, TEXTS_MAX + alternatives.length);
}

function writeOut(alternatives: Alternatives, countMax: number): string[] | undefined {
  const texts: string[] = [];
  for (const sequence of alternatives) {
    let heads = [''];
    for (const item of sequence) {
      const tails = item.kind === 'group' ? writeOut(item.alternatives, countMax) : oneOf(item);
      if (tails === undefined || heads.length * tails.length > countMax) return undefined;
      heads = heads.flatMap((head) => tails.map((tail) => head + tail));
      if (heads.some(({ length }) => length > TEXT_CHARS_MAX)) return undefined;
    }
    if (texts.length + heads.length > countMax) return undefined;
    for (const head of heads) texts.push(head);
  }
  return texts;
}

function oneOf({ set, min, max }: Repeat): string[] | undefined {
  const count = countOf(set);
  if (max === Infinity || count > TEXTS_MAX || (count > 1 && max > 1)) return undefined;
  const texts = textsOf(set).map((text) => text.repeat(max));
  return min < max ? ['', ...texts] : texts;
}

/** Fixed texts with `.*` or `.+` around and between them; undefined for other patterns. */
export function makeGlobTest(alternatives: Alternatives): TextTest | undefined {
  const tests: TextTest[] = [];
  for (const sequence of alternatives) {
    const glob = globOf(sequence);
    if (glob === undefined) return undefined;
    tests.push((text) => matchesGlob(text, glob));
  }
  return tests.length === 1 ? tests[0] : (text) => tests.some((test) => test(text));
}

interface Glob {
  readonly prefix: string;
  /** Each behind what is skipped; the last one is the end of the text. */
  readonly parts: readonly { readonly skipMin: number; readonly text: string }[];
}

function globOf(sequence: Sequence): Glob | undefined {
  const parts: { skipMin: number; text: string }[] = [];
  let prefix = '';
  let isBehindSkip = false;
  for (const item of sequence) {
    if (item.kind === 'group') return undefined;
    const { set, min, max } = item;
    if (max === Infinity && isAll(set)) {
      const last = parts.at(-1);
      if (!isBehindSkip || last === undefined) parts.push({ skipMin: min, text: '' });
      else last.skipMin += min;
      isBehindSkip = true;
    } else {
      if (min !== max || countOf(set) !== 1) return undefined;
      const text = String.fromCodePoint(set[0][0]).repeat(max);
      const last = parts.at(-1);
      if (last === undefined) prefix += text;
      else last.text += text;
      isBehindSkip = false;
    }
  }
  // More than one could be half a character, of which the strings here have two in some cases.
  return parts.length > 0 && parts.every(({ skipMin }) => skipMin <= 1)
    ? { prefix, parts }
    : undefined;
}

/** The first place where a part fits leaves the most to those behind it. */
function matchesGlob(text: string, { prefix, parts }: Glob): boolean {
  if (!text.startsWith(prefix)) return false;
  let at = prefix.length;
  for (let i = 0; i < parts.length - 1; i++) {
    const { skipMin, text: part } = parts[i];
    const found = text.indexOf(part, at + skipMin);
    if (found < 0) return false;
    at = found + part.length;
  }
  const { skipMin, text: suffix } = parts[parts.length - 1];
  return text.length - suffix.length >= at + skipMin && text.endsWith(suffix);
}

/**
 * The pattern as one of JavaScript's, when V8 takes time in proportion to the text for it. V8 tries
 * all ways through a pattern, so their number must not grow with the text but for one repeat. A
 * repeat whose end is told by the character behind it has one way only; behind the free one, its start
 * must be told by the character before it, so that all tries together pass over the text once.
 */
export function makeNativeTest(alternatives: Alternatives): TextTest | undefined {
  let paths = 0;
  for (const sequence of alternatives) paths += pathsOf(sequence, true);
  if (!(paths <= PATHS_MAX + alternatives.length)) return undefined;
  const source = alternatives.map(sourceOf).join('|');
  if (source.length > NATIVE_CHARS_MAX || countsOf(alternatives) > NATIVE_COUNTS_MAX) {
    return undefined;
  }
  const expression = new RegExp(`^(?:${source})$`, 'u');
  return (text) => expression.test(text);
}

/** Ways through a sequence; Infinity when they may be more than the text is long. */
function pathsOf(sequence: Sequence, isWhole: boolean): number {
  let paths = 1;
  let hasFreeRepeat = false;
  for (const [i, item] of sequence.entries()) {
    if (item.kind === 'group') {
      paths *= item.alternatives.reduce((sum, inner) => sum + pathsOf(inner, false), 0);
    } else if (item.max !== Infinity) {
      if (item.min < item.max) paths *= 2;
    } else if (!isWhole) {
      return Infinity;
    } else {
      const isLast = i === sequence.length - 1;
      // This one takes all there is and does not fail.
      if (isLast && isAll(item.set)) continue;
      const hasOneEnd = isLast || isApart(item, sequence[i + 1]);
      // Behind a free repeat this one may begin anywhere. It must then take no character twice.
      const hasOneStart = i > 0 && isApart(item, sequence[i - 1]);
      if (hasFreeRepeat && !(hasOneStart && hasOneEnd)) return Infinity;
      hasFreeRepeat ||= !hasOneEnd;
    }
  }
  return paths;
}

function countsOf(alternatives: Alternatives): number {
  let sum = 0;
  for (const item of alternatives.flat()) {
    sum += item.kind === 'group' ? countsOf(item.alternatives) : Math.max(1, item.min);
  }
  return sum;
}

/** Whether the neighbour needs a character that the repeat does not take. */
function isApart(repeat: Repeat, neighbour: Repeat | Group): boolean {
  return neighbour.kind === 'repeat' && neighbour.min > 0 && areDisjoint(repeat.set, neighbour.set);
}

function sourceOf(sequence: Sequence): string {
  return sequence
    .map((item) =>
      item.kind === 'group'
        ? `(?:${item.alternatives.map(sourceOf).join('|')})`
        : classSource(item) + countSource(item),
    )
    .join('');
}

function classSource({ set }: Repeat): string {
  const escape = (code: number): string => `\\u{${code.toString(16)}}`;
  return `[${set.map(([first, last]) => `${escape(first)}-${escape(last)}`).join('')}]`;
}

function countSource({ min, max }: Repeat): string {
  if (max === Infinity) return min === 0 ? '*' : '+';
  return min === max ? (min === 1 ? '' : `{${min}}`) : '?';
}
