import { CodedError } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';

/** Reads exactly `length` bytes; what came along with them is read from the returned stream. */
export async function readPrefix(
  stream: Duplex,
  length: number,
): Promise<{ prefix: Uint8Array; rest: Duplex }> {
  const prefix = new Uint8Array(length);
  for (let filled = 0; ;) {
    const chunk = await stream.read();
    if (chunk === undefined) {
      throw new CodedError('ERR_BROKER_CUT', 'a broker stream ended before its number', {
        expectedBytes: length,
        foundBytes: filled,
      });
    }
    const taken = Math.min(chunk.length, length - filled);
    prefix.set(chunk.subarray(0, taken), filled);
    filled += taken;
    if (filled < length) continue;
    const left = chunk.subarray(taken);
    return { prefix, rest: left.length === 0 ? stream : new Unread(left, stream) };
  }
}

/** A stream some of whose bytes were read too early. */
class Unread implements Duplex {
  #left: Uint8Array | undefined;
  readonly #stream: Duplex;

  constructor(left: Uint8Array, stream: Duplex) {
    this.#left = left;
    this.#stream = stream;
  }

  read(): Promise<Uint8Array | undefined> {
    const left = this.#left;
    if (left === undefined) return this.#stream.read();
    this.#left = undefined;
    return Promise.resolve(left);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  close(): Promise<void> {
    this.#left = undefined;
    return this.#stream.close();
  }

  destroy(reason?: Error): void {
    this.#left = undefined;
    this.#stream.destroy(reason);
  }
}
