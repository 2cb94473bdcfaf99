import { Readable, pipeline } from 'node:stream';
import { createGunzip, gunzip } from 'node:zlib';

/** Up to these sizes a body is unpacked in one step, which costs half of unpacking it as a stream. */
const PACKED_BYTES_MAX = 1024 * 1024;
const UNPACKED_BYTES_MAX = 4 * 1024 * 1024;
/** Header and trailer of a gzip member (RFC 1952). */
const GZIP_BYTES_MIN = 18;
const CHUNK_BYTES = 64 * 1024;

/**
 * The unpacked bytes of a gzip body. Small bodies come as one chunk, others as a stream, so that
 * whoever reads can stop when it gets too much. Truncated and damaged data end in zlib's error.
 */
export async function* gunzipped(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = body[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  let headBytes = 0;
  let isWhole = false;
  while (!isWhole && headBytes <= PACKED_BYTES_MAX) {
    const next = await source.next();
    if (next.done === true) isWhole = true;
    else headBytes += head[head.push(next.value) - 1].length;
  }
  const unpacked = isWhole ? await unpackAtOnce(Buffer.concat(head)) : undefined;
  if (unpacked !== undefined) {
    yield unpacked;
    return;
  }
  const stream = createGunzip({ chunkSize: CHUNK_BYTES });
  // Errors of either side reach the one who iterates.
  pipeline(Readable.from(joined(head, source)), stream, () => {});
  yield* stream;
}

async function* joined(head: Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield* head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** undefined when the body is not small, or says that it is and is not. */
function unpackAtOnce(packed: Buffer): Promise<Buffer | undefined> {
  if (packed.length < GZIP_BYTES_MIN) return Promise.resolve(undefined);
  // The last four bytes are the size, modulo 2^32, of the last member.
  const sizeBytes = packed.readUInt32LE(packed.length - 4);
  if (sizeBytes === 0 || sizeBytes > UNPACKED_BYTES_MAX) return Promise.resolve(undefined);
  const options = { chunkSize: sizeBytes + CHUNK_BYTES, maxOutputLength: sizeBytes };
  return new Promise((resolve, reject) => {
    gunzip(packed, options, (error, unpacked) => {
      if (error === null) resolve(unpacked);
      else if (error instanceof RangeError) resolve(undefined);
      else reject(error);
    });
  });
}
