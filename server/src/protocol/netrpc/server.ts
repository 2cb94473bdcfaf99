// Server side of Go's net/rpc; the messages are in ./format.md.

import { CodedError, hasCode } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { redactText } from '../../base/redact.ts';
import type { Schema } from '../gob/index.ts';
import { GobStream } from './gob-stream.ts';
import { EMPTY, emptySchema, requestSchema, responseSchema } from './messages.ts';

/** Calls of one stream that may be under way; more wait on the stream. */
const CALLS_MAX = 1024;

/** A method with its types: reads its argument off the stream and returns what is left to do. */
type Method = (gob: GobStream) => Promise<(() => Promise<Answer>) | undefined>;

/** Encodes the reply of a call behind its response header. */
type Answer = (gob: GobStream, method: string, seq: number) => Uint8Array<ArrayBuffer>;

/** Methods that any number of streams may call. Calls of one stream run at the same time. */
export class RpcServer {
  readonly #methods = new Map<string, Method>();

  /**
   * Makes `method` (`Service.Method`) callable. What `handler` throws is sent as its message.
   * Handlers start in the order of the calls.
   */
  handle<A, R>(
    method: string,
    args: Schema<A>,
    reply: Schema<R>,
    handler: (args: A) => R | Promise<R>,
  ): void {
    this.#methods.set(method, async (gob) => {
      const argument = await gob.read(args);
      if (argument === undefined) return undefined;
      return async () => {
        const result = await handler(argument.value);
        return (to, name, seq) => to.encodePair(responseSchema, success(name, seq), reply, result);
      };
    });
  }

  /**
   * Answers calls until the other side ends its half and all answers are out, then closes the
   * stream. Rejects, with the stream destroyed, when the stream is lost or sends what is not gob.
   */
  async serve(stream: Duplex): Promise<void> {
    const connection = new ServerConnection(stream, this.#methods);
    try {
      await connection.run();
    } catch (error) {
      const reason = new CodedError('ERR_RPC_CLOSED', 'the RPC connection broke', {}, error);
      stream.destroy(reason);
      throw reason;
    }
    await stream.close();
  }
}

/** One stream that is being served. */
class ServerConnection {
  readonly #gob: GobStream;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #calls = new Set<Promise<void>>();
  #writeError: CodedError | undefined;

  constructor(stream: Duplex, methods: ReadonlyMap<string, Method>) {
    this.#gob = new GobStream(stream);
    this.#methods = methods;
  }

  async run(): Promise<void> {
    while (await this.#takeRequest()) {
      if (this.#writeError !== undefined) throw this.#writeError;
      if (this.#calls.size >= CALLS_MAX) await Promise.race(this.#calls);
    }
    await Promise.all(this.#calls);
  }

  async #takeRequest(): Promise<boolean> {
    const request = await this.#gob.read(requestSchema);
    if (request === undefined) return false;
    const { ServiceMethod: name, Seq: seq } = request.value;
    const method = this.#methods.get(name);
    if (method === undefined) {
      this.#refuse(name, seq, this.#unknownMethod(name));
      return this.#gob.skip();
    }
    try {
      const call = await method(this.#gob);
      if (call !== undefined) this.#start(this.#answer(name, seq, call));
      return call !== undefined;
    } catch (error) {
      if (!hasCode(error, 'ERR_GOB_TYPE')) throw error;
      this.#refuse(name, seq, messageOf(error));
      return true;
    }
  }

  async #answer(name: string, seq: number, call: () => Promise<Answer>): Promise<void> {
    let response: Uint8Array<ArrayBuffer>;
    try {
      const answer = await call();
      response = answer(this.#gob, name, seq);
    } catch (error) {
      // The handler failed, or its reply is not what its schema says: nothing of it was sent.
      response = this.#failure(name, seq, messageOf(error));
    }
    await this.#gob.write(response);
  }

  #refuse(name: string, seq: number, text: string): void {
    this.#start(this.#gob.write(this.#failure(name, seq, text)));
  }

  #failure(name: string, seq: number, text: string): Uint8Array<ArrayBuffer> {
    const header = { ServiceMethod: name, Seq: seq, Error: text };
    return this.#gob.encodePair(responseSchema, header, emptySchema, EMPTY);
  }

  /** Keeps track of a call; a reply that fails to be written ends the connection. */
  #start(call: Promise<void>): void {
    const tracked = call
      .catch((error: unknown) => {
        this.#writeError ??= new CodedError('ERR_RPC_WRITE', 'an answer was not sent', {}, error);
      })
      .finally(() => this.#calls.delete(tracked));
    this.#calls.add(tracked);
  }

  /** The texts are Go's: hosts and plugins compare them to find out what the other side can do. */
  #unknownMethod(name: string): string {
    const dot = name.lastIndexOf('.');
    if (dot < 0) return `rpc: service/method request ill-formed: ${name}`;
    const service = name.slice(0, dot + 1);
    for (const known of this.#methods.keys()) {
      if (known.slice(0, known.lastIndexOf('.') + 1) === service) {
        return `rpc: can't find method ${name}`;
      }
    }
    return `rpc: can't find service ${name}`;
  }
}

function success(name: string, seq: number): { ServiceMethod: string; Seq: number; Error: string } {
  return { ServiceMethod: name, Seq: seq, Error: '' };
}

/** Not empty, because an empty text means success; shown to people, so without secrets. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text === '' ? 'unknown error' : redactText(text);
}
