import { Heap } from '../../base/heap.ts';
import { isKnownEncoding } from '../chunkenc/encodings.ts';
import { openChunk } from '../chunkenc/open-chunk.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { ChainedSamples } from './chained-samples.ts';
import { encodingError } from './deletions.ts';
import { SampleEncoder } from './sample-encoder.ts';

// Mirrors compactChunkIterator of Prometheus storage/merge.go, so that merged blocks come out the
// same.

/** Samples in a chunk that is encoded anew. */
const SAMPLES_PER_CHUNK = 120;

interface Queue {
  readonly chunks: readonly ChunkInput[];
  at: number;
}

/**
 * The chunks of one series from several blocks as one list in time order. Chunks that overlap no
 * other are passed on as they are, whatever their encoding; a chunk that comes twice is taken once;
 * others are merged sample by sample. `ERR_CHUNK_ENCODING` when one of those is of an unknown encoding.
 */
export function mergeChunks(lists: readonly (readonly ChunkInput[])[]): readonly ChunkInput[] {
  if (lists.length === 1) return lists[0];
  const heap = new Heap<Queue>((a, b) => {
    const x = a.chunks[a.at];
    const y = b.chunks[b.at];
    return x.minTimeMs === y.minTimeMs ? x.maxTimeMs < y.maxTimeMs : x.minTimeMs < y.minTimeMs;
  });
  for (const chunks of lists) if (chunks.length > 0) heap.push({ chunks, at: 0 });
  const merged: ChunkInput[] = [];
  for (;;) {
    const first = take(heap);
    if (first === undefined) return merged;
    const overlapping = takeOverlapping(heap, first);
    if (overlapping.length === 0) {
      merged.push(first);
      continue;
    }
    const chunks = encodeAnew([...overlapping, first]);
    merged.push(chunks[0]);
    // The others may overlap what comes next.
    if (chunks.length > 1) heap.push({ chunks, at: 1 });
  }
}

function take(heap: Heap<Queue>): ChunkInput | undefined {
  const queue = heap.pop();
  if (queue === undefined) return undefined;
  const chunk = queue.chunks[queue.at++];
  if (queue.at < queue.chunks.length) heap.push(queue);
  return chunk;
}

function takeOverlapping(heap: Heap<Queue>, first: ChunkInput): ChunkInput[] {
  const overlapping: ChunkInput[] = [];
  let endMs = first.maxTimeMs;
  let previous = first;
  for (;;) {
    const top = heap.peek();
    const next = top?.chunks[top.at];
    if (next === undefined || next.minTimeMs > endMs) return overlapping;
    if (!isSame(next, previous)) {
      overlapping.push(next);
      endMs = Math.max(endMs, next.maxTimeMs);
      previous = next;
    }
    take(heap);
  }
}

function encodeAnew(chunks: readonly ChunkInput[]): ChunkInput[] {
  const sources = chunks.map((chunk) => {
    if (!isKnownEncoding(chunk.encoding)) throw encodingError(chunk.encoding, 'merged');
    return openChunk(chunk);
  });
  const samples = new ChainedSamples(sources);
  const encoder = new SampleEncoder(SAMPLES_PER_CHUNK);
  while (samples.next()) encoder.append(samples);
  return encoder.finish();
}

function isSame(a: ChunkInput, b: ChunkInput): boolean {
  if (a.minTimeMs !== b.minTimeMs || a.maxTimeMs !== b.maxTimeMs) return false;
  if (a.encoding !== b.encoding || a.data.length !== b.data.length) return false;
  for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return false;
  return true;
}
