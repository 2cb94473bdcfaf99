import { CHUNK_FLOAT_HISTOGRAM, CHUNK_XOR } from './encodings.ts';
import { HistogramIterator } from './histogram-iterator.ts';
import type { SampleSource } from './sample-source.ts';
import { XorIterator } from './xor-iterator.ts';

/**
 * The samples of a chunk of a known encoding (see `isKnownEncoding`).
 * @param floats used for a chunk of floats
 */
export function openChunk(
  { encoding, data }: { readonly encoding: number; readonly data: Uint8Array },
  floats = new XorIterator(),
): SampleSource {
  if (encoding === CHUNK_XOR) return floats.reset(data);
  return new HistogramIterator(data, encoding === CHUNK_FLOAT_HISTOGRAM);
}
