// A yamux session over any two-way byte stream. Mirrors session.go of hashicorp/yamux v0.1.2.

import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { YamuxConfig } from './config.ts';
import { FLUSH_TIMEOUT_MS, WAITING_CONTROL_BYTES_MAX, makeConfig } from './config.ts';
import { Deadlines } from './deadlines.ts';
import { FrameDecoder } from './decode.ts';
import {
  YamuxProtocolError,
  protocolError,
  sessionClosed,
  sessionLost,
  streamReset,
} from './errors.ts';
import {
  FLAG_ACK,
  FLAG_RST,
  FLAG_SYN,
  GO_AWAY_NORMAL,
  GO_AWAY_PROTOCOL_ERROR,
  MAX_STREAM_ID,
  TYPE_GO_AWAY,
  TYPE_WINDOW_UPDATE,
} from './frame.ts';
import type { InboundTarget } from './inbound.ts';
import { Inbound } from './inbound.ts';
import { Pinger } from './pinger.ts';
import { FrameSender } from './sender.ts';
import type { StreamOwner } from './stream.ts';
import { YamuxStream } from './stream.ts';

export interface YamuxSessionOptions {
  /** The client opens odd streams, the server even ones; otherwise the sides are equal. */
  readonly role: 'client' | 'server';
  readonly clock: Clock;
  readonly config?: Partial<YamuxConfig>;
}

/** Many streams over one connection, which belongs to the session from now on. */
export class YamuxSession {
  /**
   * Resolves when the session has ended and the connection is gone: with undefined after `close`,
   * otherwise with what ended it (`ERR_YAMUX_SESSION_LOST` when the other side hung up).
   */
  readonly closed: Promise<CodedError | undefined>;

  readonly #connection: Duplex;
  readonly #clock: Clock;
  readonly #config: YamuxConfig;
  readonly #sender: FrameSender;
  readonly #pinger: Pinger;
  readonly #streams = new Map<number, YamuxStream>();
  readonly #lifetime = new AbortController();
  readonly #owner: StreamOwner;
  readonly #isOurs: (streamId: number) => boolean;
  #inboundCount = 0;
  #nextId: number;

  /** Streams of ours that wait for their ACK. */
  readonly #unacknowledged = new Set<YamuxStream>();
  #openWaiters: (() => void)[] = [];
  readonly #openDeadlines: Deadlines<YamuxStream>;
  readonly #closeDeadlines: Deadlines<YamuxStream>;

  readonly #backlog: YamuxStream[] = [];
  #acceptors: ((stream: YamuxStream | undefined) => void)[] = [];

  #isAwayHere = false;
  #isAwayThere = false;
  #endCause: CodedError | undefined;
  #isEnded = false;
  #resolveClosed: (error: CodedError | undefined) => void = () => {};

  constructor(connection: Duplex, options: YamuxSessionOptions) {
    const { clock, role } = options;
    const config = makeConfig(options.config);
    const signal = this.#lifetime.signal;
    this.#connection = connection;
    this.#clock = clock;
    this.#config = config;
    this.#nextId = role === 'client' ? 1 : 2;
    const ourParity = this.#nextId % 2;
    this.#isOurs = (streamId) => streamId % 2 === ourParity;
    this.#sender = new FrameSender(connection, (error) => this.#end(sessionLost(error)));
    this.#pinger = new Pinger(clock, this.#sender, config, signal, (error) => this.#end(error));
    this.#openDeadlines = new Deadlines(clock, config.streamOpenTimeoutMs, signal, (stream) =>
      this.#resetLate(stream, 'the other side did not accept the stream in time'),
    );
    this.#closeDeadlines = new Deadlines(clock, config.streamCloseTimeoutMs, signal, (stream) =>
      this.#resetLate(stream, 'the other side did not end the stream in time'),
    );
    this.#owner = {
      windowBytes: config.windowBytes,
      sendControl: (type, flags, id, length) => this.#sender.control(type, flags, id, length),
      schedule: (stream) => this.#sender.schedule(stream),
      streamEnded: (stream) => this.#forget(stream),
      streamClosing: (stream) => this.#closeDeadlines.set(stream),
    };
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    void this.#receive();
    this.#pinger.start();
  }

  /** Streams that are open, in either direction. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Whether the session has ended, for whatever reason. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * Opens a stream. Data may be written at once; the other side need not have accepted yet. Waits
   * only while as many streams as the backlog allows are not accepted yet. Rejects with
   * `ERR_YAMUX_SESSION_CLOSED`, `ERR_YAMUX_GO_AWAY` or `ERR_YAMUX_STREAMS_EXHAUSTED`.
   */
  async open(): Promise<YamuxStream> {
    this.#checkOpen();
    while (this.#unacknowledged.size >= this.#config.acceptBacklog) {
      await new Promise<void>((resolve) => this.#openWaiters.push(resolve));
      this.#checkOpen();
    }
    const stream = new YamuxStream(this.#nextId, this.#owner);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#unacknowledged.add(stream);
    this.#openDeadlines.set(stream);
    stream.announce(FLAG_SYN);
    return stream;
  }

  /** The next stream that the other side opened, or undefined once the session has ended. */
  accept(): Promise<YamuxStream | undefined> {
    for (;;) {
      const stream = this.#backlog.shift();
      if (stream === undefined) break;
      if (stream.hasFailed) continue;
      stream.announce(FLAG_ACK);
      return Promise.resolve(stream);
    }
    if (this.#isEnded) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#acceptors.push(resolve));
  }

  /** Asks for a sign of life; resolves with the round trip in milliseconds. */
  ping(): Promise<number> {
    if (this.#isEnded) return Promise.reject(sessionClosed(this.#endCause));
    return this.#pinger.ping();
  }

  /** Refuses streams that the other side opens from now on; open ones go on. */
  goAway(): void {
    if (this.#isAwayHere) return;
    this.#isAwayHere = true;
    this.#sender.control(TYPE_GO_AWAY, 0, 0, GO_AWAY_NORMAL);
  }

  /** Says goodbye, sends what can be sent at once, and ends the session and its streams. */
  async close(): Promise<void> {
    if (!this.#isEnded) {
      this.goAway();
      await this.#flush();
      this.#end(undefined);
    }
    await this.closed;
  }

  async #receive(): Promise<void> {
    const decoder = new FrameDecoder(new Inbound(this.#inboundTarget()));
    try {
      for (;;) {
        const chunk = await this.#connection.read();
        if (this.#isEnded) return;
        if (chunk === undefined) break;
        decoder.push(chunk);
        // A peer that asks faster than it reads waits until the answers have gone out.
        if (this.#sender.waitingControlBytes > WAITING_CONTROL_BYTES_MAX) {
          await this.#sender.idle();
        }
      }
      this.#end(sessionLost(decoder.isAtBoundary ? undefined : cutFrame()));
    } catch (error) {
      this.#end(error instanceof YamuxProtocolError ? error : sessionLost(error));
    }
  }

  #inboundTarget(): InboundTarget {
    return {
      windowBytes: this.#config.windowBytes,
      find: (streamId) => this.#streams.get(streamId),
      onSyn: (streamId) => this.#onSyn(streamId),
      onAck: (stream) => this.#onAck(stream),
      onPing: (flags, value) => this.#pinger.onPing(flags, value),
      onGoAway: (code) => this.#onGoAway(code),
    };
  }

  #onSyn(streamId: number): YamuxStream | undefined {
    if (this.#isOurs(streamId)) {
      throw protocolError('ERR_YAMUX_STREAM_ID', 'a stream was opened with an id of our side', {
        streamId,
      });
    }
    if (this.#streams.has(streamId)) {
      throw protocolError('ERR_YAMUX_DUPLICATE_STREAM', 'a stream was opened twice', { streamId });
    }
    const acceptor = this.#acceptors.shift();
    const isRefused =
      this.#isAwayHere ||
      this.#inboundCount >= this.#config.inboundStreamsMax ||
      (acceptor === undefined && this.#backlog.length >= this.#config.acceptBacklog);
    if (isRefused) {
      if (acceptor !== undefined) this.#acceptors.unshift(acceptor);
      this.#sender.control(TYPE_WINDOW_UPDATE, FLAG_RST, streamId, 0);
      return undefined;
    }
    const stream = new YamuxStream(streamId, this.#owner);
    this.#streams.set(streamId, stream);
    this.#inboundCount++;
    if (acceptor === undefined) {
      this.#backlog.push(stream);
    } else {
      stream.announce(FLAG_ACK);
      acceptor(stream);
    }
    return stream;
  }

  #onAck(stream: YamuxStream): void {
    if (!this.#unacknowledged.delete(stream)) return;
    this.#openDeadlines.cancel(stream);
    this.#openWaiters.shift()?.();
  }

  #onGoAway(code: number): void {
    if (code === GO_AWAY_NORMAL) {
      this.#isAwayThere = true;
      this.#wakeOpenWaiters();
      return;
    }
    const what = code === GO_AWAY_PROTOCOL_ERROR ? 'a protocol error' : 'an internal error';
    this.#end(
      new CodedError('ERR_YAMUX_REMOTE_ERROR', `the other side ended the session for ${what}`, {
        goAwayCode: code,
      }),
    );
  }

  /** The stream's id means nothing any more; the reader may still hold bytes of it. */
  #forget(stream: YamuxStream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#closeDeadlines.cancel(stream);
    this.#onAck(stream);
    if (this.#isOurs(stream.id)) return;
    this.#inboundCount--;
    const index = stream.hasFailed ? this.#backlog.indexOf(stream) : -1;
    if (index >= 0) this.#backlog.splice(index, 1);
  }

  #resetLate(stream: YamuxStream, message: string): void {
    this.#sender.control(TYPE_WINDOW_UPDATE, FLAG_RST, stream.id, 0);
    stream.onReset(streamReset(stream.id, message));
  }

  #checkOpen(): void {
    if (this.#isEnded) throw sessionClosed(this.#endCause);
    if (this.#isAwayHere || this.#isAwayThere) {
      throw new CodedError('ERR_YAMUX_GO_AWAY', 'the session takes no new streams', {
        isOtherSide: this.#isAwayThere,
      });
    }
    if (this.#nextId > MAX_STREAM_ID) {
      throw new CodedError('ERR_YAMUX_STREAMS_EXHAUSTED', 'the session has used up its stream ids');
    }
  }

  #wakeOpenWaiters(): void {
    for (const wake of this.#openWaiters.splice(0)) wake();
  }

  /** @param cause undefined when the session was closed here on purpose */
  #end(cause: CodedError | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#endCause = cause;
    this.#lifetime.abort();
    this.#pinger.rejectAll(cause);
    for (const stream of this.#streams.values()) stream.onSessionEnd(cause ?? sessionClosed());
    this.#streams.clear();
    this.#backlog.length = 0;
    this.#unacknowledged.clear();
    this.#wakeOpenWaiters();
    for (const resolve of this.#acceptors.splice(0)) resolve(undefined);
    void this.#tearDown(cause);
  }

  async #tearDown(cause: CodedError | undefined): Promise<void> {
    if (cause instanceof YamuxProtocolError) {
      this.#sender.control(TYPE_GO_AWAY, 0, 0, GO_AWAY_PROTOCOL_ERROR);
      await this.#flush();
    }
    this.#sender.stop();
    this.#connection.destroy(cause);
    this.#resolveClosed(cause);
  }

  /** Waits until the frames that can go out have gone out, but not for ever. */
  async #flush(): Promise<void> {
    const timer = new AbortController();
    const timeout = this.#clock.sleep(FLUSH_TIMEOUT_MS, timer.signal).catch(() => undefined);
    await Promise.race([this.#sender.idle(), timeout]);
    timer.abort();
  }
}

function cutFrame(): CodedError {
  return new CodedError('ERR_YAMUX_CUT_FRAME', 'the connection ended inside a frame');
}
