/** Encoding bytes of chunks, from Prometheus tsdb/chunkenc/chunk.go. */
export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;

/** Number of samples in a chunk of any encoding that Prometheus has: two bytes in front. */
export function chunkSampleCount(chunk: Uint8Array): number {
  return chunk.length < 2 ? 0 : (chunk[0] << 8) | chunk[1];
}
