import { CodedError } from '../../base/errors.ts';
import type { Bucket } from '../../base/ports/bucket.ts';
import type { ByteRange, PieceLifetime } from '../file-store.ts';
import type { Retrier } from './retry.ts';

/**
 * The bytes of an object, or of a range of it. A connection that breaks is made again where it
 * broke, and only for the same version of the object: what comes out is one file, whole, or an error.
 */
export async function* readObject(
  bucket: Bucket,
  key: string,
  range: ByteRange | undefined,
  retrier: Retrier,
  lifetime: PieceLifetime,
): AsyncGenerator<Uint8Array> {
  const tries = retrier.begin();
  let offset = range?.start ?? 0;
  let end = range?.end;
  let tag: string | undefined;
  const spent: Uint8Array[] = [];
  for (;;) {
    try {
      const body = await bucket.get(key, { start: offset, end: range?.end, ifMatch: tag });
      // Once the version is known its end is, and it can't change any more.
      end ??= body.sizeBytes;
      tag ??= body.tag;
      for await (const piece of body.pieces) {
        if (end !== undefined && offset + piece.length > end) throw tooLong(end);
        offset += piece.length;
        tries.progressed();
        yield piece;
        if (lifetime === 'kept') continue;
        spent.push(piece);
        if (spent.length > HELD_PIECES[lifetime]) free(spent.shift());
      }
      // Without a length the end of the body is that of the object.
      if (end === undefined || offset === end) return;
      throw endedEarly(end, offset);
    } catch (error) {
      if (end !== undefined && offset === end && end > (range?.start ?? 0)) return;
      await tries.failed(error);
    }
  }
}

/** Pieces before the current one that a consumer may still look at. */
const HELD_PIECES = { borrowed: 1, momentary: 0 } as const;

/**
 * Frees the memory of a piece at once. V8 lets tens of MiB of such buffers gather before it looks for
 * them, which is more than a download may take. Memory that other pieces may share is left alone.
 */
function free(piece: Uint8Array | undefined): void {
  if (piece === undefined || !(piece.buffer instanceof ArrayBuffer)) return;
  if (piece.buffer.byteLength === piece.length) piece.buffer.transfer(0);
}

function tooLong(end: number): CodedError {
  return new CodedError('ERR_FILESTORE', 'the store sent more than was asked for', {
    expected: end,
  });
}

/** Counts as a broken connection, which it is. */
function endedEarly(end: number, offset: number): CodedError {
  return new CodedError('ERR_FILESTORE_UNREACHABLE', 'the store sent less than it announced', {
    expected: end,
    found: offset,
  });
}
