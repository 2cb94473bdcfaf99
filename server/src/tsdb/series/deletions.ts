import { CodedError } from '../../base/errors.ts';
import { isKnownEncoding } from '../chunkenc/encodings.ts';
import { openChunk } from '../chunkenc/open-chunk.ts';
import { XOR_SAMPLES_MAX } from '../chunkenc/xor-encoder.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { SampleEncoder } from './sample-encoder.ts';

/** Times of which samples are left out; both ends are included. */
export interface Interval {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

/** The times outside of a range. */
export function outsideOf(minTimeMs: number, maxTimeMs: number): Interval[] {
  return [
    { minTimeMs: -Infinity, maxTimeMs: minTimeMs - 1 },
    { minTimeMs: maxTimeMs, maxTimeMs: Infinity },
  ];
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
 * The chunk without its deleted samples, encoded anew; empty when none are left.
 * `ERR_CHUNK_ENCODING` when its encoding is not known: then nobody here can take it apart.
 */
export function withoutDeleted(chunk: ChunkInput, deleted: readonly Interval[]): ChunkInput[] {
  if (!touches(chunk, deleted)) return [chunk];
  if (!isKnownEncoding(chunk.encoding)) throw encodingError(chunk.encoding, 'cut');
  const samples = openChunk(chunk);
  const encoder = new SampleEncoder(XOR_SAMPLES_MAX);
  while (samples.next()) {
    const { timeMs } = samples;
    if (!isDeleted({ minTimeMs: timeMs, maxTimeMs: timeMs }, deleted)) encoder.append(samples);
  }
  return encoder.finish();
}

export function encodingError(encoding: number, wish: 'cut' | 'merged'): CodedError {
  return new CodedError('ERR_CHUNK_ENCODING', `a chunk of unknown encoding cannot be ${wish}`, {
    encoding,
  });
}
