import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { BATCH_BYTES } from './config.ts';
import { writeHeader } from './encode.ts';

/** A stream with something to send. */
export interface FrameSource {
  /** Appends one frame, or none. Returns whether it could send another one right away. */
  takeFrame(out: ByteWriter): boolean;
}

/**
 * Writes the frames of a session, in batches: all that is ready goes to the connection as one
 * write, control frames first, then one frame of each stream in turn. While a batch is on its way
 * the next one collects, so a slow connection makes batches larger and holds back the streams,
 * which learn of it by not being asked for frames.
 */
export class FrameSender {
  readonly #connection: Duplex;
  readonly #onError: (error: unknown) => void;
  /** Control frames that wait; a batch begins with them and is completed behind them. */
  #next = new ByteWriter();
  #sending = new ByteWriter();
  readonly #ready = new Set<FrameSource>();
  #isRunning = false;
  #isStopped = false;
  #idleWaiters: (() => void)[] = [];

  constructor(connection: Duplex, onError: (error: unknown) => void) {
    this.#connection = connection;
    this.#onError = onError;
  }

  /** Control frames that no batch has taken yet, in bytes. */
  get waitingControlBytes(): number {
    return this.#next.length;
  }

  /** Queues a frame without payload. It goes out before stream data that is not yet in a batch. */
  control(type: number, flags: number, streamId: number, length: number): void {
    if (this.#isStopped) return;
    writeHeader(this.#next, type, flags, streamId, length);
    this.#start();
  }

  /** Asks `source` for frames as soon as there is room, until it says that it has no more. */
  schedule(source: FrameSource): void {
    if (this.#isStopped) return;
    this.#ready.add(source);
    this.#start();
  }

  /** Resolves when all that can be sent was handed to the connection, or sending has stopped. */
  idle(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Sends nothing more. A write that is on its way is the connection's to end. */
  stop(): void {
    this.#isStopped = true;
    this.#ready.clear();
    this.#next.reset();
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Not at once: what else happens in this turn joins the batch.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      for (this.#fill(); this.#next.length > 0; this.#fill()) {
        const batch = this.#next;
        this.#next = this.#sending;
        this.#sending = batch;
        await this.#connection.write(batch.borrow());
        batch.reset();
      }
    } catch (error) {
      this.stop();
      this.#onError(error);
    }
    this.#isRunning = false;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #fill(): void {
    if (this.#isStopped) return;
    for (const source of this.#ready) {
      if (this.#next.length >= BATCH_BYTES) return;
      // Deleting and adding again moves the stream behind the others; the loop gets to it there.
      this.#ready.delete(source);
      if (source.takeFrame(this.#next)) this.#ready.add(source);
    }
  }
}
