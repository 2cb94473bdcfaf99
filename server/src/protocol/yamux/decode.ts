import type { FrameHeader } from './frame.ts';
import { HEADER_BYTES, PROTOCOL_VERSION, TYPE_DATA, TYPE_GO_AWAY } from './frame.ts';
import { protocolError } from './errors.ts';

/** Where decoded frames go. An exception from either method ends the decoding for good. */
export interface FrameSink {
  /**
   * A header was read. `header` is reused: it is valid during the call only. Limits on `length`
   * are checked here, before any payload is looked at.
   */
  onHeader(header: Readonly<FrameHeader>): void;
  /**
   * The next piece of the payload of the last header. Pieces are views into the chunk that was
   * pushed, in order; `isLast` comes with the piece that completes the payload.
   */
  onPayload(piece: Uint8Array, isLast: boolean): void;
}

/** Splits the bytes of a connection into frames, however they were cut up. */
export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #header: FrameHeader = { type: 0, flags: 0, streamId: 0, length: 0 };
  /** Collects a header that two chunks share. */
  readonly #partial = new Uint8Array(HEADER_BYTES);
  readonly #partialView = new DataView(this.#partial.buffer);
  #partialLength = 0;
  #payloadLeft = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the bytes so far end between two frames. */
  get isAtBoundary(): boolean {
    return this.#partialLength === 0 && this.#payloadLeft === 0;
  }

  /** Takes the next bytes of the connection. Throws a `YamuxProtocolError` for a wrong header. */
  push(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#payloadLeft > 0) {
        offset = this.#takePayload(chunk, offset);
      } else if (this.#partialLength === 0 && chunk.length - offset >= HEADER_BYTES) {
        this.#takeHeader(view, offset);
        offset += HEADER_BYTES;
      } else {
        offset = this.#collectHeader(chunk, offset);
      }
    }
  }

  #takePayload(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#payloadLeft);
    this.#payloadLeft -= end - offset;
    this.#sink.onPayload(chunk.subarray(offset, end), this.#payloadLeft === 0);
    return end;
  }

  #collectHeader(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + HEADER_BYTES - this.#partialLength);
    this.#partial.set(chunk.subarray(offset, end), this.#partialLength);
    this.#partialLength += end - offset;
    if (this.#partialLength === HEADER_BYTES) {
      this.#partialLength = 0;
      this.#takeHeader(this.#partialView, 0);
    }
    return end;
  }

  #takeHeader(view: DataView, offset: number): void {
    const version = view.getUint8(offset);
    if (version !== PROTOCOL_VERSION) {
      throw protocolError('ERR_YAMUX_VERSION', 'a frame has an unknown version', {
        expected: PROTOCOL_VERSION,
        found: version,
      });
    }
    const header = this.#header;
    header.type = view.getUint8(offset + 1);
    if (header.type > TYPE_GO_AWAY) {
      throw protocolError('ERR_YAMUX_FRAME_TYPE', 'a frame has an unknown type', {
        found: header.type,
      });
    }
    header.flags = view.getUint16(offset + 2);
    header.streamId = view.getUint32(offset + 4);
    header.length = view.getUint32(offset + 8);
    // Only data frames have a payload; in the others, length is a number of another kind.
    if (header.type === TYPE_DATA) this.#payloadLeft = header.length;
    this.#sink.onHeader(header);
  }
}
