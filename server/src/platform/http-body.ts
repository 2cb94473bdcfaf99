import { CodedError } from '../base/errors.ts';
import type { BodyBuffer, BodyMemory } from './body-memory.ts';
import { type GunzipListener, GunzipStream, gunzipSmall } from './gunzip.ts';
import { cleanText } from './http-errors.ts';

/** So much of a packed answer is collected before anything is made of it; most bodies are shorter. */
const PACKED_BYTES_MAX = 256 * 1024;

export interface BodyListener {
  /** The body is there, unpacked. */
  onWhole(body: BodyBuffer): void;
  /** There will be no body. */
  onFailed(error: unknown): void;
  /** There is room for more, after `push` has said that there is none. */
  onRoom(): void;
}

/** Where the bytes of a body go as they come. `push` and `end` may throw, and there is no body then. */
export interface BodySink {
  /** Takes the next bytes, which are void after the call; false when no more shall come for a while. */
  push(bytes: Buffer): boolean;
  /** All bytes have come. */
  end(): void;
  /** The body is not wanted any more. */
  drop(): void;
}

/**
 * @param encoding value of the field Content-Encoding, '' when missing
 * @param limitBytes most bytes of the unpacked body, 0 for no limit but that of the memory
 */
export function bodySink(
  encoding: string,
  memory: BodyMemory,
  limitBytes: number,
  listener: BodyListener,
): BodySink {
  const open = (limit: number): BodyBuffer =>
    memory.open(limit, (error) => listener.onFailed(error));
  switch (encoding.toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return new PackedSink(open(0), open(limitBytes), listener);
    case '':
    case 'identity':
      return new PlainSink(open(limitBytes), listener);
    default: {
      const message = `answered in the content encoding ${cleanText(encoding)}, not in gzip`;
      throw new CodedError('ERR_HTTP', message);
    }
  }
}

class PlainSink implements BodySink {
  readonly #body: BodyBuffer;
  readonly #listener: BodyListener;

  constructor(body: BodyBuffer, listener: BodyListener) {
    this.#body = body;
    this.#listener = listener;
  }

  push(bytes: Buffer): boolean {
    this.#body.append(bytes);
    return true;
  }

  end(): void {
    this.#listener.onWhole(this.#body);
  }

  drop(): void {
    this.#body.close();
  }
}

class PackedSink implements BodySink, GunzipListener {
  readonly #packed: BodyBuffer;
  readonly #body: BodyBuffer;
  readonly #listener: BodyListener;
  #stream: GunzipStream | undefined;

  constructor(packed: BodyBuffer, body: BodyBuffer, listener: BodyListener) {
    this.#packed = packed;
    this.#body = body;
    this.#listener = listener;
  }

  push(bytes: Buffer): boolean {
    if (this.#stream !== undefined) return this.#stream.push(bytes);
    this.#packed.append(bytes);
    return this.#packed.length <= PACKED_BYTES_MAX || this.#beginStream();
  }

  end(): void {
    if (this.#stream === undefined) {
      const unpacked = gunzipSmall(this.#packed.received());
      if (unpacked !== undefined) {
        this.#packed.close();
        this.#body.adopt(unpacked);
        this.#listener.onWhole(this.#body);
        return;
      }
      this.#beginStream();
    }
    this.#stream?.end();
  }

  drop(): void {
    this.#stream?.drop();
    this.#packed.close();
    this.#body.close();
  }

  onUnpacked(bytes: Buffer): void {
    try {
      this.#body.append(bytes);
    } catch (error) {
      this.#listener.onFailed(error);
    }
  }

  onRoom(): void {
    this.#listener.onRoom();
  }

  onEnd(error?: Error): void {
    if (error === undefined) this.#listener.onWhole(this.#body);
    else this.#listener.onFailed(error);
  }

  /** False when the stream has taken all it wants at a time. */
  #beginStream(): boolean {
    this.#stream = new GunzipStream(this);
    const hasRoom = this.#stream.push(this.#packed.received());
    this.#packed.close();
    return hasRoom;
  }
}
