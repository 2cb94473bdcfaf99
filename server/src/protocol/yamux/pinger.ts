import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { YamuxConfig } from './config.ts';
import { Deadlines } from './deadlines.ts';
import { sessionClosed } from './errors.ts';
import { FLAG_ACK, FLAG_SYN, TYPE_PING } from './frame.ts';
import type { FrameSender } from './sender.ts';

/**
 * How long a late answer is still looked for. After this process itself was held up, timers fire
 * before the socket is read: the answer may have been there in time.
 */
const SECOND_LOOK_MS = 500;

interface OpenPing {
  readonly sentMs: number;
  readonly resolve: (roundTripMs: number) => void;
  readonly reject: (error: CodedError) => void;
}

/** Pings in both directions, and the keep-alive that ends a session whose other side is silent. */
export class Pinger {
  readonly #clock: Clock;
  readonly #sender: FrameSender;
  readonly #config: YamuxConfig;
  readonly #signal: AbortSignal;
  readonly #onSilence: (error: CodedError) => void;
  readonly #open = new Map<number, OpenPing>();
  readonly #deadlines: Deadlines<number>;
  readonly #secondLook: Deadlines<number>;
  #nextValue = 0;

  constructor(
    clock: Clock,
    sender: FrameSender,
    config: YamuxConfig,
    signal: AbortSignal,
    onSilence: (error: CodedError) => void,
  ) {
    this.#clock = clock;
    this.#sender = sender;
    this.#config = config;
    this.#signal = signal;
    this.#onSilence = onSilence;
    this.#secondLook = new Deadlines(clock, SECOND_LOOK_MS, signal, (value) => this.#giveUp(value));
    this.#deadlines = new Deadlines(clock, config.pingTimeoutMs, signal, (value) => {
      if (this.#open.has(value)) this.#secondLook.set(value);
    });
  }

  /** Starts the keep-alive; the signal ends it. */
  start(): void {
    if (this.#config.keepAliveIntervalMs > 0) void this.#keepAlive();
  }

  ping(): Promise<number> {
    return new Promise((resolve, reject) => {
      const value = this.#nextValue;
      this.#nextValue = (value + 1) >>> 0;
      this.#open.set(value, { sentMs: this.#clock.monotonicMs(), resolve, reject });
      this.#deadlines.set(value);
      this.#sender.control(TYPE_PING, FLAG_SYN, 0, value);
    });
  }

  /** A ping frame came in: answers a question, or settles one of ours. */
  onPing(flags: number, value: number): void {
    if (flags & FLAG_SYN) {
      this.#sender.control(TYPE_PING, FLAG_ACK, 0, value);
      return;
    }
    const ping = this.#open.get(value);
    if ((flags & FLAG_ACK) === 0 || ping === undefined) return;
    this.#open.delete(value);
    this.#deadlines.cancel(value);
    this.#secondLook.cancel(value);
    ping.resolve(this.#clock.monotonicMs() - ping.sentMs);
  }

  /** The session has ended: no answer will come. */
  rejectAll(cause: unknown): void {
    for (const ping of this.#open.values()) ping.reject(sessionClosed(cause));
    this.#open.clear();
  }

  #giveUp(value: number): void {
    const ping = this.#open.get(value);
    this.#open.delete(value);
    ping?.reject(
      new CodedError('ERR_YAMUX_PING_TIMEOUT', 'the other side did not answer a ping in time', {
        timeoutMs: this.#config.pingTimeoutMs,
      }),
    );
  }

  async #keepAlive(): Promise<void> {
    try {
      for (;;) {
        await this.#clock.sleep(this.#config.keepAliveIntervalMs, this.#signal);
        await this.ping();
      }
    } catch (error) {
      // Either the session has ended for another reason, or this is the reason to end it.
      if (this.#signal.aborted) return;
      this.#onSilence(
        new CodedError('ERR_YAMUX_KEEPALIVE', 'the other side has fallen silent', {}, error),
      );
    }
  }
}
