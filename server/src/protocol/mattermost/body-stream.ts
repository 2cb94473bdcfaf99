// Bodies that one side reads from the other; mirrors plugin/io_rpc.go. The reader writes how many
// bytes it wants as a signed varint (zig-zag LEB128); the server answers with as many raw bytes,
// without a frame, and closes the stream when its source ends first. See format.md.
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { CodedError } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';

/** What a body is read from. */
export interface ByteSource {
  /** The next bytes (at least one), or undefined at the end. One call at a time. */
  read(): Promise<Uint8Array | undefined>;
}

/** Asked for at a time. As much as a yamux window: what comes is bounded by that too. */
export const ASKED_BYTES = 256 * 1024;

/** A body that the other side serves on `stream`. */
export class RemoteBody implements ByteSource {
  readonly #stream: Duplex;
  #outstandingBytes = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  async read(): Promise<Uint8Array | undefined> {
    // The next request goes out before the last one is answered in full, so that the bytes flow on.
    if (this.#outstandingBytes < ASKED_BYTES / 2) await this.#ask();
    const bytes = await this.#stream.read();
    if (bytes === undefined) return undefined;
    this.#outstandingBytes -= bytes.length;
    return bytes;
  }

  /** Stops reading; what is still under way is dropped. Fine to call twice. */
  close(): Promise<void> {
    return this.#stream.close();
  }

  async #ask(): Promise<void> {
    const request = new ByteWriter(10);
    request.varint(ASKED_BYTES);
    this.#outstandingBytes += ASKED_BYTES;
    try {
      await this.#stream.write(request.copy());
    } catch {
      // A server that has sent everything may have closed; what it sent is still to be read.
    }
  }
}

/** Serves `source` on `stream` until it ends or the reader goes away, and closes the stream. */
export async function serveBody(source: ByteSource, stream: Duplex): Promise<void> {
  const requests = new RequestReader(stream);
  try {
    await answerRequests(source, stream, requests);
  } catch (error) {
    // A reset rather than an end, so that half a body is not taken for a whole one.
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  await stream.close();
}

async function answerRequests(
  source: ByteSource,
  stream: Duplex,
  requests: RequestReader,
): Promise<void> {
  let rest: Uint8Array | undefined;
  for (;;) {
    let wanted = await requests.next();
    if (wanted === undefined) return;
    while (wanted > 0) {
      rest ??= await source.read();
      if (rest === undefined) return;
      const part: Uint8Array = rest.subarray(0, wanted);
      await stream.write(part);
      wanted -= part.length;
      rest = part.length < rest.length ? rest.subarray(part.length) : undefined;
    }
  }
}

/** Reads varints off a stream. */
class RequestReader {
  readonly #stream: Duplex;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** Undefined when the reader has closed its half or is gone. */
  async next(): Promise<number | undefined> {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = await this.#byte();
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return unfold(value);
      scale *= 128;
    }
    throw badRequest('a varint is longer than ten bytes');
  }

  async #byte(): Promise<number | undefined> {
    if (this.#offset === this.#bytes.length) {
      const bytes = await this.#stream.read().catch(() => undefined);
      if (bytes === undefined) return undefined;
      this.#bytes = bytes;
      this.#offset = 0;
    }
    return this.#bytes[this.#offset++];
  }
}

function unfold(value: number): number {
  if (!Number.isSafeInteger(value)) throw badRequest('a number of bytes is too large');
  if (value % 2 === 1) throw badRequest('a number of bytes is negative');
  return value / 2;
}

function badRequest(message: string): CodedError {
  return new CodedError('ERR_BODY_REQUEST', message);
}
