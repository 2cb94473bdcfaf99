// Mirrors computeChunkEndTime of Prometheus tsdb/head_append.go.

/**
 * After a quarter of a chunk's samples: when to close it so that the rest of the window is filled
 * by chunks of equal length.
 */
export function predictChunkEnd(startMs: number, currentMs: number, endMs: number): number {
  const chunks = (endMs - startMs) / ((currentMs - startMs + 1) * 4);
  if (chunks <= 1) return endMs;
  return Math.trunc(startMs + (endMs - startMs) / Math.floor(chunks));
}
