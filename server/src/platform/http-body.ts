import type { BodyBuffer, BodyMemory } from './body-memory.ts';
import { type GunzipListener, GunzipStream, gunzipSmall } from './gunzip.ts';

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
 * As Go's client, by which exporters are tried out, takes what it has asked for: `gzip` is unpacked, and
 * a body with any other encoding, or with something in this field that is none, is what it is. Where
 * gzip is named in another way (RFC 9110, 8.4.1.3), the body itself tells.
 *
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
  const isGzip = /^(x-)?gzip$/i.test(encoding);
  if (!isGzip) return new PlainSink(open(limitBytes), listener);
  return new PackedSink(open(0), open(limitBytes), listener, encoding === 'gzip');
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

/** How a gzip member begins (RFC 1952), and no text does. */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

class PackedSink implements BodySink, GunzipListener {
  readonly #packed: BodyBuffer;
  readonly #body: BodyBuffer;
  readonly #listener: BodyListener;
  /** Whether the body is packed; undefined until that is known. */
  #isPacked: boolean | undefined;
  #stream: GunzipStream | undefined;

  /** @param isSure what is not gzip is damaged */
  constructor(packed: BodyBuffer, body: BodyBuffer, listener: BodyListener, isSure: boolean) {
    this.#packed = packed;
    this.#body = body;
    this.#listener = listener;
    if (isSure) this.#isPacked = true;
  }

  push(bytes: Buffer): boolean {
    if (this.#isPacked === false) {
      this.#body.append(bytes);
      return true;
    }
    if (this.#stream !== undefined) return this.#stream.push(bytes);
    this.#packed.append(bytes);
    if (this.#packed.length <= PACKED_BYTES_MAX) return true;
    return this.#isPlain() || this.#beginStream();
  }

  end(): void {
    if (this.#isPlain()) {
      this.#listener.onWhole(this.#body);
      return;
    }
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

  /** Looks at how the body begins, and takes what has come so far as it is when that is no gzip. */
  #isPlain(): boolean {
    if (this.#isPacked === undefined) {
      const received = this.#packed.received();
      this.#isPacked = received.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC);
      if (!this.#isPacked) {
        this.#body.append(received);
        this.#packed.close();
      }
    }
    return !this.#isPacked;
  }

  /** False when the stream has taken all it wants at a time. */
  #beginStream(): boolean {
    this.#stream = new GunzipStream(this);
    const hasRoom = this.#stream.push(this.#packed.received());
    this.#packed.close();
    return hasRoom;
  }
}
