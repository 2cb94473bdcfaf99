import { CodedError } from '../../base/errors.ts';
import { CHUNK_XOR } from '../chunkenc/encodings.ts';
import { XorChunkBuilder } from '../chunkenc/xor-chunk.ts';
import { XorIterator } from '../chunkenc/xor-iterator.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';

/** Times of which samples are left out; both ends are included. */
export interface Interval {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

/** A chunk with the deletions that fall into it. */
export interface ChunkSpan {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

/** Whether nothing of the chunk is left. */
export function isDeleted(chunk: ChunkSpan, deleted: readonly Interval[]): boolean {
  return deleted.some(
    ({ minTimeMs, maxTimeMs }) => minTimeMs <= chunk.minTimeMs && chunk.maxTimeMs <= maxTimeMs,
  );
}

/** Whether a part of the chunk has to go. */
export function touches(chunk: ChunkSpan, deleted: readonly Interval[]): boolean {
  return deleted.some(
    ({ minTimeMs, maxTimeMs }) => minTimeMs <= chunk.maxTimeMs && chunk.minTimeMs <= maxTimeMs,
  );
}

/**
 * The chunk without its deleted samples, encoded anew; undefined when none are left.
 * `ERR_CHUNK_ENCODING` when it is not one of floats: then nobody here can take it apart.
 */
export function withoutDeleted(
  chunk: ChunkInput,
  deleted: readonly Interval[],
): ChunkInput | undefined {
  if (!touches(chunk, deleted)) return chunk;
  if (chunk.encoding !== CHUNK_XOR) throw encodingError(chunk.encoding, 'cut');
  const samples = new XorIterator().reset(chunk.data);
  const builder = new XorChunkBuilder();
  while (samples.next()) {
    const { timeMs } = samples;
    if (deleted.some(({ minTimeMs, maxTimeMs }) => minTimeMs <= timeMs && timeMs <= maxTimeMs)) {
      continue;
    }
    builder.append(timeMs, samples.valueHi, samples.valueLo);
  }
  if (builder.sampleCount === 0) return undefined;
  const { minTimeMs, maxTimeMs } = builder;
  return { minTimeMs, maxTimeMs, encoding: CHUNK_XOR, data: builder.borrow() };
}

export function encodingError(encoding: number, wish: 'cut' | 'merged'): CodedError {
  return new CodedError('ERR_CHUNK_ENCODING', `a chunk of histograms cannot be ${wish}`, {
    encoding,
  });
}
