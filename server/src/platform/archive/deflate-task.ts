import { constants, deflateRawSync } from 'node:zlib';

import { assert } from '../../base/errors.ts';
import { defineTask, handles, type TaskHandler } from '../../base/ports/task-runner.ts';

/** Blocks are dense already: level 6 makes a dump 0.2 % smaller than level 1 and takes twice the time. */
export const DEFLATE_LEVEL = 1;

/**
 * More memory per stream makes level 1 a quarter faster, and a window of 4 KiB, which stays in the
 * cache of a core, again by half: an index becomes 3 % smaller and chunks 1 % larger than with 32 KiB.
 * A stretch ends at a whole byte, so that stretches which were deflated apart are one stream when they
 * are put together (RFC 1951).
 */
const OPTIONS = {
  level: DEFLATE_LEVEL,
  memLevel: 9,
  windowBits: 12,
  finishFlush: constants.Z_SYNC_FLUSH,
};

/** The last block of a deflate stream, with nothing in it. */
export const DEFLATE_END: Uint8Array = Uint8Array.of(0x03, 0x00);

/** Most bytes that `sizeBytes` become when nothing in them can be compressed, generously. */
export function deflatedBytesMax(sizeBytes: number): number {
  return sizeBytes + Math.ceil(sizeBytes / 1024) + 1024;
}

export interface DeflateInput {
  /** Its first `sizeBytes` bytes are compressed. */
  readonly input: SharedArrayBuffer;
  readonly sizeBytes: number;
  /** Holds {@link deflatedBytesMax} bytes and gets the result. */
  readonly output: SharedArrayBuffer;
}

/** Compresses a stretch of a deflate stream; the size of what is in `output` then. */
export const deflateTask = defineTask<DeflateInput, number>('archive.deflate');

export function archiveTasks(): TaskHandler[] {
  return [handles(deflateTask, async (input) => deflateStretch(input))];
}

function deflateStretch({ input, sizeBytes, output }: DeflateInput): number {
  // In one buffer, which is large enough for all of it.
  const options = { ...OPTIONS, chunkSize: output.byteLength };
  const deflated = deflateRawSync(new Uint8Array(input, 0, sizeBytes), options);
  const { length } = deflated;
  assert(length <= output.byteLength, 'a deflated stretch is longer than can be');
  new Uint8Array(output).set(deflated);
  // Frees its memory at once: V8 would let 32 MiB of such buffers gather in each thread.
  if (deflated.buffer instanceof ArrayBuffer) deflated.buffer.transfer(0);
  return length;
}
