/** A set of code points: inclusive ranges, ascending, with a gap between any two. */
export type CodePoints = readonly (readonly [first: number, last: number])[];

export const LAST_CODE_POINT = 0x10ffff;
export const ALL_CODE_POINTS: CodePoints = [[0, LAST_CODE_POINT]];

/** @param ranges in any order; they may overlap */
export function codePoints(ranges: CodePoints): CodePoints {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else {
      joined.push([first, last]);
    }
  }
  return joined;
}

/** All code points that are not in the set. */
export function complement(set: CodePoints): CodePoints {
  const others: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) others.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) others.push([next, LAST_CODE_POINT]);
  return others;
}

export function areDisjoint(a: CodePoints, b: CodePoints): boolean {
  return a.every(([first, last]) => b.every((other) => last < other[0] || first > other[1]));
}

export function isAll(set: CodePoints): boolean {
  return set.length === 1 && set[0][0] === 0 && set[0][1] === LAST_CODE_POINT;
}

/** How many code points there are. */
export function countOf(set: CodePoints): number {
  return set.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** Each code point as a text; for small sets. */
export function textsOf(set: CodePoints): string[] {
  return set.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i)),
  );
}
