import { CodedError } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { Schema } from '../gob/index.ts';
import { GobDecoder, GobEncoder } from '../gob/index.ts';

/** Gob values from and to a stream. One caller reads at a time; writers may overlap. */
export class GobStream {
  readonly #stream: Duplex;
  readonly #decoder = new GobDecoder();
  readonly #encoder = new GobEncoder();

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /**
   * The next value, or undefined when the other side has ended its half. Rejects with
   * `ERR_GOB_TYPE` when the value does not fit; the next call goes on behind it. Any other error
   * is the end of the stream.
   */
  async read<T>(schema: Schema<T>): Promise<{ value: T } | undefined> {
    for (;;) {
      const result = this.#decoder.decode(schema);
      if (result !== undefined) return result;
      if (!(await this.#feed())) return undefined;
    }
  }

  /** Drops the next value; false when the other side has ended its half. */
  async skip(): Promise<boolean> {
    while (!this.#decoder.skip()) if (!(await this.#feed())) return false;
    return true;
  }

  /**
   * Encodes a header and its body for one `write`, which must follow before the next `encodePair`.
   * Throws when the body is not a value of its schema; the stream is as good as before then.
   */
  encodePair<H, B>(header: Schema<H>, h: H, body: Schema<B>, b: B): Uint8Array<ArrayBuffer> {
    return this.#encoder.encodeAll([
      [header, h],
      [body, b],
    ]);
  }

  /** Takes the pair over; its memory is used again once the stream has it. */
  async write(pair: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#stream.write(pair);
    this.#encoder.release(pair);
  }

  async #feed(): Promise<boolean> {
    const chunk = await this.#stream.read();
    if (chunk !== undefined) {
      this.#decoder.feed(chunk);
      return true;
    }
    if (this.#decoder.bufferedBytes === 0) return false;
    throw new CodedError('ERR_RPC_CUT_MESSAGE', 'the stream ended inside a message');
  }
}
