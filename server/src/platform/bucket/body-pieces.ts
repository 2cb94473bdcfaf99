import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

/**
 * A body piece by piece, with a limit for each wait. It ends the request when it is left early.
 *
 * @param late what a wait that is too long fails with
 * @param toError what any other failure becomes
 */
export async function* bodyPieces(
  body: Readable,
  timeoutMs: number,
  late: Error,
  toError: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  const stopFreeing = freeReadBuffers(body);
  const queue = new PieceQueue(body);
  try {
    for (;;) {
      const timer = setTimeout(() => body.destroy(late), timeoutMs);
      const piece = await queue.next();
      clearTimeout(timer);
      if (piece === undefined) return;
      yield piece;
    }
  } catch (error) {
    throw toError(error);
  } finally {
    stopFreeing();
    body.destroy();
  }
}

/**
 * The pieces as the connection brought them. `for await` over a stream would join what has gathered
 * to new memory, and leave the old to the garbage collection.
 */
class PieceQueue {
  readonly #body: Readable;
  readonly #received: Uint8Array[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(body: Readable) {
    this.#body = body;
    body.on('data', (piece: Uint8Array) => {
      this.#received.push(piece);
      body.pause();
      this.#wake();
    });
    body.once('end', () => this.#settle({}));
    body.once('error', (error) => this.#settle({ error }));
    body.once('close', () => this.#settle({ error: closedEarly() }));
  }

  /** undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#received.shift();
      if (piece !== undefined) return piece;
      if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#body.resume();
      });
    }
  }

  #settle(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#wake();
  }
}

/**
 * Frees the buffers of a connection once Node's parser has copied the body out of them; V8 would let
 * 32 MiB of them gather before it looks. A Node whose parser did not copy would find them empty, and
 * the body shorter than announced, which is an error that no test could miss.
 */
function freeReadBuffers(body: Readable): () => void {
  if (!(body instanceof IncomingMessage)) return () => {};
  const { socket } = body;
  const free = ({ buffer, length }: Buffer): void => {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
  };
  // Behind the parser's own listener, which was there first.
  socket.on('data', free);
  return () => socket.off('data', free);
}

function closedEarly(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}
