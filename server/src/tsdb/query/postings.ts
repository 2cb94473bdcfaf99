import type { IndexFile } from '../index/index-file.ts';
import type { Matcher } from './matcher.ts';

// From matchers to lists of series, as PostingsForMatchers of Prometheus tsdb/querier.go.

/** References of the series of a block that all matchers want, ascending. */
export async function selectPostings(
  index: IndexFile,
  matchers: readonly Matcher[],
): Promise<Uint32Array> {
  let wanted: Uint32Array | undefined;
  const unwanted: Uint32Array[] = [];
  for (const matcher of matchers) {
    if (matcher.matchesAll) continue;
    if (matcher.matches('')) {
      // Series without the label match as well, so those that do not match are taken away.
      unwanted.push(await postingsWhere(index, matcher, false));
      continue;
    }
    const found = await postingsWhere(index, matcher, true);
    wanted = wanted === undefined ? found : intersect(wanted, found);
    if (wanted.length === 0) return wanted;
  }
  let result = wanted ?? (await index.allSeries());
  for (const list of unwanted) result = subtract(result, list);
  return result;
}

async function postingsWhere(
  index: IndexFile,
  matcher: Matcher,
  isMatching: boolean,
): Promise<Uint32Array> {
  const lists: Uint32Array[] = [];
  if (isMatching && matcher.values !== undefined) {
    for (const value of new Set(matcher.values))
      lists.push(await index.postings(matcher.name, value));
  } else {
    for (const { value, offset } of await index.valueEntries(matcher.name)) {
      if (matcher.matches(value) === isMatching) lists.push(await index.postingsAt(offset));
    }
  }
  return unite(lists);
}

/** All numbers of the lists, ascending. The lists of one label have none in common. */
export function unite(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0];
  const all = new Uint32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all.sort();
}

/** The numbers in both of two ascending lists. */
export function intersect(a: Uint32Array, b: Uint32Array): Uint32Array {
  const common = new Uint32Array(Math.min(a.length, b.length));
  let count = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] < b[j]) i++;
    else if (a[i] > b[j]) j++;
    else {
      common[count++] = a[i++];
      j++;
    }
  }
  return common.subarray(0, count);
}

/** The numbers of `a` that are not in `b`; both ascend. */
export function subtract(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a;
  const rest = new Uint32Array(a.length);
  let count = 0;
  for (let i = 0, j = 0; i < a.length; i++) {
    while (j < b.length && b[j] < a[i]) j++;
    if (j === b.length || b[j] !== a[i]) rest[count++] = a[i];
  }
  return rest.subarray(0, count);
}
