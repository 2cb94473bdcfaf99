/** Encoding bytes of chunks, from Prometheus tsdb/chunkenc/chunk.go. */
export const CHUNK_XOR = 1;
export const CHUNK_HISTOGRAM = 2;
export const CHUNK_FLOAT_HISTOGRAM = 3;

/** Whether we can take a chunk of this encoding apart; others are passed on as they are. */
export function isKnownEncoding(encoding: number): boolean {
  return encoding >= CHUNK_XOR && encoding <= CHUNK_FLOAT_HISTOGRAM;
}

/** Number of samples, and a byte whose upper two bits tell about resets of the counters. */
export const HISTOGRAM_HEADER_BYTES = 3;
export const HISTOGRAM_RESET_MASK = 0xc0;
/** Nothing is known about resets before the chunk; inside it there are none. */
export const HISTOGRAM_RESET_UNKNOWN = 0;
export const HISTOGRAM_GAUGE = 0xc0;

/** Number of samples in a chunk of any encoding that Prometheus has: two bytes in front. */
export function chunkSampleCount(chunk: Uint8Array): number {
  return chunk.length < 2 ? 0 : (chunk[0] << 8) | chunk[1];
}
