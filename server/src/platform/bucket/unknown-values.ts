// What a store, or a proxy before it, may leave out of an answer.

import { CodedError, hasCode } from '../../base/errors.ts';
import type { Bucket } from '../../base/ports/bucket.ts';

/**
 * The size of an object whose head does not tell it: by the range of its first byte, or else by a
 * listing. undefined when it is gone meanwhile.
 */
export async function askSize(
  bucket: Pick<Bucket, 'get' | 'list'>,
  key: string,
): Promise<number | undefined> {
  const size = await sizeByRange(bucket, key);
  if (size !== 'unknown') return size;
  for (let from: string | undefined; ;) {
    const { objects, next } = await bucket.list(key, { folders: false, from });
    const found = objects.find((object) => object.key === key);
    if (found !== undefined) return found.sizeBytes ?? noSize();
    // Names are sorted: the key itself comes before all that begin with it.
    if (objects.length > 0 || next === undefined) return undefined;
    from = next;
  }
}

function noSize(): never {
  throw new CodedError('ERR_FILESTORE', 'the store does not tell the size of an object');
}

async function sizeByRange(
  bucket: Pick<Bucket, 'get'>,
  key: string,
): Promise<number | 'unknown' | undefined> {
  try {
    const { sizeBytes, pieces } = await bucket.get(key, { start: 0, end: 1 });
    for await (const piece of pieces) void piece;
    return sizeBytes ?? 'unknown';
  } catch (error) {
    if (hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) return undefined;
    // An empty object has no first byte, and some stores know no ranges.
    if (hasCode(error, 'ERR_FILESTORE')) return 'unknown';
    throw error;
  }
}

/**
 * When an object was changed last. Who does not tell means now: things are removed by their age, and of
 * unknown age is not old.
 */
export function modifiedOrNow(time: Date | string | undefined): number {
  const timeMs = time instanceof Date ? time.getTime() : Date.parse(time ?? '');
  return Number.isNaN(timeMs) ? Date.now() : timeMs;
}

/** A header with a length, when there is a sensible one. */
export function lengthIn(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/**
 * Size of the whole object by the Content-Range of a part of it; undefined when it is not told.
 *
 * @param start where the part was to begin
 */
export function sizeInRange(range: string | undefined, start: number): number | undefined {
  const found = /^bytes[ =]+(\d+)-\d+\/(\d+|\*)$/i.exec(range ?? '');
  if (found === null || Number(found[1]) !== start) {
    throw new CodedError('ERR_FILESTORE', 'the store sent another range than was asked for', {
      expected: `from byte ${start}`,
      found: (range ?? 'no Content-Range').slice(0, 100),
    });
  }
  return found[2] === '*' ? undefined : Number(found[2]);
}

/** What lies in a range of a whole object: some proxies answer with all of it whatever is asked for. */
export async function* cutToRange(
  pieces: AsyncIterable<Uint8Array>,
  start: number,
  end = Infinity,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
    offset += piece.length;
    if (part.length > 0) yield part;
    if (offset >= end) return;
  }
}
