import { type Gunzip, createGunzip, gunzipSync } from 'node:zlib';

/** Up to this size a body is unpacked in one step: in milliseconds, at a fraction of a stream's cost. */
const UNPACKED_BYTES_MAX = 4 * 1024 * 1024;
/** Header and trailer of a gzip member (RFC 1952). */
const GZIP_BYTES_MIN = 18;
const CHUNK_BYTES = 64 * 1024;

/**
 * The unpacked bytes of a small gzip body; undefined when the body is not small, or says that it is
 * and is not. Truncated and damaged data end in zlib's error.
 */
export function gunzipSmall(packed: Buffer): Buffer | undefined {
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
 * Frees the memory of bytes that `gunzipSmall` has made. Left to the garbage collector, some
 * megabytes of such buffers a second make it go through the whole heap once a second.
 */
export function freeBytes(bytes: Buffer): void {
  if (bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength > CHUNK_BYTES) {
    bytes.buffer.transfer(0);
  }
}

export interface GunzipListener {
  /** The next unpacked bytes. */
  onUnpacked(bytes: Buffer): void;
  /** There is room for more, after `push` has said that there is none. */
  onRoom(): void;
  /** All is unpacked; or the data are damaged, or end too early, which is zlib's error. */
  onEnd(error?: Error): void;
}

/** Unpacks a gzip body as it comes, on another thread. */
export class GunzipStream {
  readonly #stream: Gunzip = createGunzip({ chunkSize: CHUNK_BYTES });

  constructor(listener: GunzipListener) {
    this.#stream
      .on('data', (bytes: Buffer) => listener.onUnpacked(bytes))
      .on('drain', () => listener.onRoom())
      .on('end', () => listener.onEnd())
      .on('error', (error) => listener.onEnd(error));
  }

  /** Takes a copy of `bytes`; false when there is no room for more until `onRoom`. */
  push(bytes: Buffer): boolean {
    return this.#stream.write(Buffer.from(bytes));
  }

  /** Nothing more comes. */
  end(): void {
    this.#stream.end();
  }

  /** The rest is not wanted: the listener hears no more. */
  drop(): void {
    this.#stream.removeAllListeners('data').on('error', () => {});
    this.#stream.destroy();
  }
}
