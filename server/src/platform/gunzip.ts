import { type Readable, pipeline } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';

/** Up to this size a body is unpacked in one step: in milliseconds, at a fraction of a stream's cost. */
const UNPACKED_BYTES_MAX = 4 * 1024 * 1024;
/** Header and trailer of a gzip member (RFC 1952). */
const GZIP_BYTES_MIN = 18;
const CHUNK_BYTES = 64 * 1024;

/**
 * The unpacked bytes of a gzip body, which consists of `head` and then of what `rest` brings. Small
 * bodies come as one chunk, others as a stream, so that whoever reads can stop when it gets too much.
 * A chunk is void as soon as the next one is asked for. Truncated and damaged data end in zlib's
 * error.
 */
export async function* gunzipped(
  head: readonly Buffer[],
  rest?: Readable,
): AsyncGenerator<Buffer, void, void> {
  const unpacked = rest === undefined ? unpackAtOnce(joined(head)) : undefined;
  if (unpacked !== undefined) {
    yield unpacked;
    giveBack(unpacked);
    return;
  }
  const stream = createGunzip({ chunkSize: CHUNK_BYTES });
  // Errors of either side reach the one who iterates.
  pipeline(inTurn(head, rest), stream, () => {});
  yield* stream;
}

async function* inTurn(head: readonly Buffer[], rest?: Readable): AsyncGenerator<Buffer> {
  yield* head;
  if (rest !== undefined) yield* rest;
}

function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

/** undefined when the body is not small, or says that it is and is not. */
function unpackAtOnce(packed: Buffer): Buffer | undefined {
  if (packed.length < GZIP_BYTES_MIN) return undefined;
  // The last four bytes are the size, modulo 2^32, of the last member.
  const sizeBytes = packed.readUInt32LE(packed.length - 4);
  if (sizeBytes === 0 || sizeBytes > UNPACKED_BYTES_MAX) return undefined;
  try {
    // With room to spare zlib fills one buffer of its own and hands that out.
    return gunzipSync(packed, {
      chunkSize: sizeBytes + CHUNK_BYTES,
      maxOutputLength: sizeBytes,
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Frees the memory of a chunk now. Left to the garbage collector, some megabytes of such buffers a
 * second make it go through the whole heap every second.
 */
function giveBack(chunk: Buffer): void {
  if (chunk.buffer instanceof ArrayBuffer && chunk.buffer.byteLength > CHUNK_BYTES) {
    chunk.buffer.transfer(0);
  }
}
