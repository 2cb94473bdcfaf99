// Named streams between host and plugin; mirrors mux_broker.go of hashicorp/go-plugin v1.8.0.

import type { Clock } from '../../base/clock.ts';
import { CodedError, hasCode } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import type { YamuxSession } from '../yamux/index.ts';
import { readPrefix } from './prefix.ts';

/**
 * How long the two sides of a stream wait for each other. Go writes it twice, for the accepting
 * side only; a dialler there waits for ever.
 */
export const BROKER_TIMEOUT_MS = 5_000;

const NUMBER_BYTES = 4;

/** Hands out streams by number, so that arguments of a call can name one. */
export interface Broker {
  /** A number for `accept` that is not in use on this side. */
  nextId(): number;
  /**
   * The stream that the other side dials under this number. Rejects with `ERR_BROKER_TIMEOUT`, or
   * with `ERR_BROKER_CLOSED` when the session ends. One call per number at a time.
   */
  accept(id: number): Promise<Duplex>;
  /**
   * A stream to whoever accepts this number on the other side. Rejects with `ERR_BROKER_TIMEOUT`
   * or `ERR_BROKER_DIAL`.
   */
  dial(id: number): Promise<Duplex>;
}

/** The broker of one session. All streams of the other side from now on belong to it. */
export class MuxBroker implements Broker {
  readonly #session: YamuxSession;
  readonly #clock: Clock;
  /** Calls of `accept` that wait for a stream. */
  readonly #acceptors = new Map<number, (stream: Duplex | undefined) => void>();
  /** Streams that came before their `accept`. */
  readonly #arrivals = new Map<number, Duplex>();
  #lastId = 0;
  #isClosed = false;

  constructor(session: YamuxSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    void this.#run();
  }

  nextId(): number {
    // 32 bits, without 0, which stands for "no stream" in arguments.
    this.#lastId = this.#lastId >= 0xffffffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  async accept(id: number): Promise<Duplex> {
    const stream = this.#arrivals.get(id) ?? (await this.#arrival(id));
    this.#arrivals.delete(id);
    if (stream === undefined) throw brokerClosed(id);
    await stream.write(encodeNumber(id));
    return stream;
  }

  async dial(id: number): Promise<Duplex> {
    const stream = await this.#session.open();
    try {
      await stream.write(encodeNumber(id));
      const answer = readPrefix(stream, NUMBER_BYTES);
      const { prefix, rest } = await this.#within(answer, () => timedOut(id, 'accepted'));
      const found = decodeNumber(prefix);
      if (found !== id) {
        throw new CodedError('ERR_BROKER_DIAL', 'a broker stream was answered by another number', {
          expected: id,
          found,
        });
      }
      return rest;
    } catch (error) {
      stream.destroy();
      if (hasCode(error, 'ERR_BROKER_TIMEOUT')) throw error;
      throw new CodedError('ERR_BROKER_DIAL', 'a broker stream could not be opened', { id }, error);
    }
  }

  async #arrival(id: number): Promise<Duplex | undefined> {
    if (this.#isClosed) return undefined;
    if (this.#acceptors.has(id)) {
      throw new CodedError('ERR_BROKER_BUSY', 'a broker number is accepted twice', { id });
    }
    const arrival = new Promise<Duplex | undefined>((resolve) => this.#acceptors.set(id, resolve));
    try {
      return await this.#within(arrival, () => timedOut(id, 'dialled'));
    } finally {
      this.#acceptors.delete(id);
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      const stream = await this.#session.accept();
      if (stream === undefined) break;
      void this.#introduce(stream);
    }
    this.#isClosed = true;
    for (const resolve of this.#acceptors.values()) resolve(undefined);
    this.#arrivals.clear();
  }

  /** Finds out which number a new stream is for, and who waits for it. */
  async #introduce(stream: Duplex): Promise<void> {
    try {
      const introduction = readPrefix(stream, NUMBER_BYTES);
      const { prefix, rest } = await this.#within(introduction, () => timedOut(0, 'named'));
      const id = decodeNumber(prefix);
      const acceptor = this.#acceptors.get(id);
      if (acceptor !== undefined) {
        this.#acceptors.delete(id);
        acceptor(rest);
      } else {
        await this.#keep(id, rest);
      }
    } catch {
      // Nobody here knows of the stream: its dialler learns of the failure by the reset.
      stream.destroy();
    }
  }

  /** Holds a stream for a while: its number may be accepted a moment after it was dialled. */
  async #keep(id: number, stream: Duplex): Promise<void> {
    const older = this.#arrivals.get(id);
    if (older !== undefined) older.destroy();
    this.#arrivals.set(id, stream);
    await this.#clock.sleep(BROKER_TIMEOUT_MS);
    if (this.#arrivals.get(id) !== stream) return;
    this.#arrivals.delete(id);
    stream.destroy();
  }

  #within<T>(work: Promise<T>, makeError: () => Error): Promise<T> {
    return withTimeout(this.#clock, BROKER_TIMEOUT_MS, work, makeError);
  }
}

function encodeNumber(id: number): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setUint32(0, id, true);
  return bytes;
}

function decodeNumber(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function timedOut(id: number, verb: string): CodedError {
  return new CodedError('ERR_BROKER_TIMEOUT', `a broker stream was not ${verb} in time`, {
    id,
    timeoutMs: BROKER_TIMEOUT_MS,
  });
}

function brokerClosed(id: number): CodedError {
  return new CodedError('ERR_BROKER_CLOSED', 'the session of the broker has ended', { id });
}
