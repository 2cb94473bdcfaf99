import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { CodedError } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { Mutex } from '../../base/sync/mutex.ts';
import { timeFromMs } from '../gob/index.ts';
import { EMPTY, RpcClient } from '../netrpc/index.ts';
import type { HttpResponse } from './http.ts';
import { HttpHeader } from './http-header.ts';
import { responseWriter } from './http-table.ts';
import { callMethod, type Method } from './method.ts';
import { headText } from './response-head.ts';

/**
 * Bytes of one write call. Each call is a round trip, so they are large; and it is as much as a
 * yamux window lets through at once.
 */
export const WRITE_BYTES = 256 * 1024;

/** A connection of ours must not wait for ever for a client that takes nothing any more. */
const STALLED_MS = 5 * 60_000;
/** How often that deadline is put off. */
const DEADLINE_PERIOD_MS = 30_000;

/**
 * The response writer that the host serves on a stream. There is never more than one call under
 * way: Go runs each call in a goroutine of its own, and would write them in any order.
 */
export class RemoteResponse implements HttpResponse {
  readonly header: HttpHeader;
  readonly #client: RpcClient;
  readonly #abort = new AbortController();
  readonly #turns = new Mutex();
  readonly #buffer = new ByteWriter();
  #syncedChanges = -1;
  #hasHead = false;
  #isTakenOver = false;
  /** Does not reject. */
  #takingOver: Promise<void> = Promise.resolve();
  #deadlineSetMs = 0;
  #isClosed = false;
  #failure: CodedError | undefined;
  /** The call under way, which the next one waits for. It does not reject. */
  #inFlight: Promise<void> = Promise.resolve();

  private constructor(client: RpcClient, header: HttpHeader) {
    this.#client = client;
    this.header = header;
    void client.closed.then((error) => this.#fail(error ?? 'the response is closed'));
  }

  /** Opens the response on a stream that the host serves. */
  static async open(stream: Duplex): Promise<RemoteResponse> {
    const client = new RpcClient(stream);
    const fields = await callMethod(client, responseWriter.header, EMPTY);
    return new RemoteResponse(client, new HttpHeader(fields));
  }

  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  writeHead(status: number): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#hasHead) throw headSent();
      if (this.#isTakenOver) {
        this.#hasHead = true;
        this.#buffer.raw(headText(status, this.header));
        return;
      }
      await this.#syncHeader();
      this.#hasHead = true;
      await this.#call(responseWriter.writeHeader, status);
      await this.#settled();
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#turns.run(async () => {
      this.#throwFailure();
      let rest = bytes;
      while (rest.length > 0) {
        const taken = rest.subarray(0, WRITE_BYTES - this.#buffer.length);
        this.#buffer.raw(taken);
        rest = rest.subarray(taken.length);
        if (this.#buffer.length === WRITE_BYTES) await this.#sendBuffer();
      }
    });
  }

  takeOver(): Promise<boolean> {
    return this.#turns.run(async () => {
      if (this.#hasHead) throw headSent();
      await this.#settled();
      // The host says why not; whatever it is, the usual way is left. A broken stream shows there.
      this.#takingOver = callMethod(this.#client, responseWriter.hijack, EMPTY).then(
        () => void (this.#isTakenOver = true),
        () => undefined,
      );
      await this.#takingOver;
      return this.#isTakenOver;
    });
  }

  flush(): Promise<void> {
    return this.#turns.run(async () => {
      await this.#sendBuffer();
      await this.#settled();
      if (this.#isTakenOver) return;
      // Hosts before 11.4 have no such method, and nothing can be done about it.
      await this.#client
        .call('Plugin.Flush', responseWriter.flush.args, EMPTY, responseWriter.flush.returns)
        .catch(() => EMPTY);
    });
  }

  /** Sends the rest and closes the stream. The response is over when it resolves. */
  async end(): Promise<void> {
    try {
      await this.#turns.run(async () => {
        if (!this.#hasHead || this.#buffer.length > 0) await this.#sendBuffer();
        await this.#settled();
        if (this.#isTakenOver) {
          await callMethod(this.#client, responseWriter.hijackClose, EMPTY);
          this.#isTakenOver = false;
        }
      });
    } finally {
      await this.close();
    }
  }

  /** Closes the stream with what was sent so far. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#inFlight;
    if (this.#isTakenOver) {
      this.#isTakenOver = false;
      // The host would keep a connection for ever that nobody closes.
      await callMethod(this.#client, responseWriter.hijackClose, EMPTY).catch(() => EMPTY);
    }
    await this.#client.close();
  }

  /**
   * Ends the response wherever it is: writes that wait for the client fail, and a connection that was
   * taken over is closed, which nobody else does once the plugin is gone.
   */
  async abort(): Promise<void> {
    this.#fail('the plugin is stopping');
    await this.#takingOver;
    if (this.#isTakenOver) {
      this.#isTakenOver = false;
      await callMethod(this.#client, responseWriter.hijackClose, EMPTY).catch(() => EMPTY);
    }
    await this.#client.close();
  }

  async #sendBuffer(): Promise<void> {
    if (this.#isTakenOver) await this.#putOffDeadline();
    else await this.#syncHeader();
    this.#hasHead = true;
    // The call encodes, and so copies, the bytes before it waits for anything.
    if (this.#isTakenOver) await this.#call(responseWriter.hijackWrite, this.#buffer.borrow());
    else await this.#call(responseWriter.write, this.#buffer.borrow());
    this.#buffer.reset();
  }

  async #putOffDeadline(): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - this.#deadlineSetMs < DEADLINE_PERIOD_MS) return;
    this.#deadlineSetMs = nowMs;
    await this.#call(responseWriter.hijackWriteDeadline, timeFromMs(nowMs + STALLED_MS));
  }

  /** Once, unless the header changes before the head is sent. */
  async #syncHeader(): Promise<void> {
    if (this.#hasHead || this.#syncedChanges === this.header.changeCount) return;
    this.#syncedChanges = this.header.changeCount;
    if (this.#syncedChanges > 0) await this.#call(responseWriter.syncHeader, this.header.toMap());
  }

  /** Starts a call when the one before has ended; its failure shows at the next. */
  async #call<A, R>(method: Method<A, R>, args: A): Promise<void> {
    await this.#settled();
    this.#inFlight = callMethod(this.#client, method, args).then(
      () => undefined,
      (error: unknown) => this.#fail(error),
    );
  }

  async #settled(): Promise<void> {
    await this.#inFlight;
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(reason: unknown): void {
    if (this.#failure !== undefined || this.#isClosed) return;
    this.#failure = new CodedError(
      'ERR_HTTP_CLIENT_GONE',
      'the response could not be sent on',
      {},
      reason,
    );
    this.#abort.abort(this.#failure);
  }
}

function headSent(): CodedError {
  return new CodedError('ERR_HTTP_HEAD_SENT', 'the status was sent already');
}
