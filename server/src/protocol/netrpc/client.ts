// Client side of Go's net/rpc; the messages are in ./format.md.

import { CodedError } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { Schema } from '../gob/index.ts';
import { GobStream } from './gob-stream.ts';
import { requestSchema, responseSchema } from './messages.ts';

interface OpenCall {
  readonly method: string;
  /** Reads the reply off the stream and settles the call; false at the end of the stream. */
  readonly takeReply: () => Promise<boolean>;
  readonly reject: (error: CodedError) => void;
}

/** Calls of one service at the other end of a stream, which belongs to the client from now on. */
export class RpcClient {
  /** Resolves when no more calls are possible, with the reason unless `close` was called. */
  readonly closed: Promise<CodedError | undefined>;

  readonly #stream: Duplex;
  readonly #gob: GobStream;
  readonly #open = new Map<number, OpenCall>();
  #nextSeq = 0;
  #endError: CodedError | undefined;
  #isClosedHere = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#gob = new GobStream(stream);
    this.closed = this.#receive();
  }

  /**
   * Calls `Service.Method`. Rejects with `ERR_RPC_REMOTE`, whose message is the other side's error
   * text as it came, with `ERR_RPC_CLOSED` when the stream ends first, or with `ERR_GOB_…` when the
   * arguments or the reply do not fit their schemas.
   */
  async call<A, R>(method: string, args: Schema<A>, value: A, reply: Schema<R>): Promise<R> {
    if (this.#endError !== undefined) throw this.#endError;
    const seq = this.#nextSeq;
    const header = { ServiceMethod: method, Seq: seq };
    const request = this.#gob.encodePair(requestSchema, header, args, value);
    this.#nextSeq++;
    const result = new Promise<R>((resolve, reject) => {
      const takeReply = (): Promise<boolean> => this.#takeReply(reply, resolve, reject);
      this.#open.set(seq, { method, takeReply, reject });
    });
    this.#gob.write(request).catch((error: unknown) => this.#end(lost(error)));
    return result;
  }

  /** Ends the stream; calls that are under way are rejected. Fine to call twice. */
  async close(): Promise<void> {
    if (this.#endError === undefined) this.#isClosedHere = true;
    this.#end(new CodedError('ERR_RPC_CLOSED', 'the RPC client is closed'));
    await this.#stream.close();
  }

  async #receive(): Promise<CodedError | undefined> {
    try {
      while (await this.#takeResponse());
      this.#end(lost());
    } catch (error) {
      this.#end(lost(error));
      // After `close` the stream has ended in order, and the other side knows it no more: a reset would
      // be for nobody, and Go logs it.
      if (!this.#isClosedHere) this.#stream.destroy();
    }
    void this.#stream.close();
    return this.#isClosedHere ? undefined : this.#endError;
  }

  async #takeResponse(): Promise<boolean> {
    const response = await this.#gob.read(responseSchema);
    if (response === undefined) return false;
    const { Seq: seq, Error: errorText } = response.value;
    const call = this.#open.get(seq);
    this.#open.delete(seq);
    if (call !== undefined && errorText === '') return call.takeReply();
    call?.reject(new CodedError('ERR_RPC_REMOTE', errorText, { method: call.method }));
    return this.#gob.skip();
  }

  async #takeReply<R>(
    schema: Schema<R>,
    resolve: (reply: R) => void,
    reject: (error: unknown) => void,
  ): Promise<boolean> {
    try {
      const reply = await this.#gob.read(schema);
      if (reply === undefined) reject(lost());
      else resolve(reply.value);
      return reply !== undefined;
    } catch (error) {
      reject(error);
      if (error instanceof CodedError && error.code === 'ERR_GOB_TYPE') return true;
      throw error;
    }
  }

  #end(error: CodedError): void {
    this.#endError ??= error;
    for (const call of this.#open.values()) call.reject(this.#endError);
    this.#open.clear();
  }
}

function lost(cause?: unknown): CodedError {
  return new CodedError('ERR_RPC_CLOSED', 'the RPC connection has ended', {}, cause);
}
