import { CodedError } from '../../src/base/errors.ts';
import type { Duplex } from '../../src/base/ports/duplex.ts';

export interface DuplexPairOptions {
  /** Sizes of the pieces in which bytes arrive; called for each piece, at least 1. */
  readonly pieceBytes?: () => number;
  /** Bytes on their way in one direction before a writer has to wait. */
  readonly capacityBytes?: number;
}

/** Two ends of a connection in memory that cuts the bytes up as it is told. */
export function duplexPair(options: DuplexPairOptions = {}): [MemoryDuplex, MemoryDuplex] {
  const there = new Pipe(options);
  const back = new Pipe(options);
  return [new MemoryDuplex(back, there), new MemoryDuplex(there, back)];
}

/** Bytes on their way in one direction. */
class Pipe {
  readonly #pieceBytes: () => number;
  readonly #capacityBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #wakers: (() => void)[] = [];
  waitingBytes = 0;
  isEnded = false;
  failure: Error | undefined;

  constructor({ pieceBytes, capacityBytes }: DuplexPairOptions) {
    this.#pieceBytes = pieceBytes ?? (() => Infinity);
    this.#capacityBytes = capacityBytes ?? 256 * 1024;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      this.#check();
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        const length = Math.min(chunk.length, Math.max(1, this.#pieceBytes()));
        if (length < chunk.length) this.#chunks.unshift(chunk.subarray(length));
        this.waitingBytes -= length;
        this.#wake();
        // A turn of the event loop now and then, as a real socket has it.
        if (this.waitingBytes === 0) await new Promise((resolve) => setImmediate(resolve));
        return chunk.slice(0, length);
      }
      if (this.isEnded) return undefined;
      await this.#change();
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#check();
    if (this.isEnded) throw new CodedError('ERR_SOCKET', 'written behind the end');
    this.#chunks.push(bytes.slice());
    this.waitingBytes += bytes.length;
    this.#wake();
    while (this.waitingBytes > this.#capacityBytes) {
      await this.#change();
      this.#check();
    }
  }

  end(): void {
    this.isEnded = true;
    this.#wake();
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.#wake();
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}

/** One end of a `duplexPair`. */
export class MemoryDuplex implements Duplex {
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Bytes that the other end has not read yet. */
  get unreadBytes(): number {
    return this.#outgoing.waitingBytes;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#incoming.read();
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#outgoing.write(bytes);
  }

  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#incoming.fail(new CodedError('ERR_SOCKET', 'closed here'));
    return this.closeWrite();
  }

  /** The other end reads what was written and then the end, as with a socket. */
  destroy(reason?: Error): void {
    this.#incoming.fail(reason ?? new CodedError('ERR_SOCKET', 'destroyed here'));
    this.#outgoing.end();
  }
}
