import { crc32 } from 'node:zlib';

import type { TaskPool } from '../../base/ports/task-runner.ts';
import { ParallelDeflate } from './parallel-deflate.ts';

/** Magic, deflate, no flags, no time, fastest level, unknown system (RFC 1952). */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255);
const TRAILER_BYTES = 8;

/** `source` as one gzip member. A piece is valid until the next one is pulled. */
export async function* gzip(
  source: AsyncIterable<Uint8Array>,
  tasks: TaskPool,
): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let sizeBytes = 0;
  async function* summed(): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      crc = crc32(piece, crc);
      sizeBytes += piece.length;
      yield piece;
    }
  }
  const deflate = new ParallelDeflate(tasks);
  try {
    yield HEADER;
    yield* deflate.deflate(summed());
    const trailer = new DataView(new ArrayBuffer(TRAILER_BYTES));
    trailer.setUint32(0, crc, true);
    // Modulo 2^32, as the format has it.
    trailer.setUint32(4, sizeBytes % 2 ** 32, true);
    yield new Uint8Array(trailer.buffer);
  } finally {
    deflate.close();
  }
}
