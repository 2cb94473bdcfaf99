import type { FrameSink } from './decode.ts';
import { protocolError } from './errors.ts';
import type { FrameHeader } from './frame.ts';
import {
  FLAG_ACK,
  FLAG_FIN,
  FLAG_RST,
  FLAG_SYN,
  TYPE_DATA,
  TYPE_GO_AWAY,
  TYPE_PING,
} from './frame.ts';
import { streamReset } from './errors.ts';
import type { YamuxStream } from './stream.ts';

/** What received frames do to a session. */
export interface InboundTarget {
  /** Most payload that any stream could ever be granted. */
  readonly windowBytes: number;
  find(streamId: number): YamuxStream | undefined;
  /** The other side opens a stream; undefined when it was refused. Throws for a wrong id. */
  onSyn(streamId: number): YamuxStream | undefined;
  onAck(stream: YamuxStream): void;
  onPing(flags: number, value: number): void;
  onGoAway(code: number): void;
}

/** Tells received frames apart and carries out their flags in the right order. */
export class Inbound implements FrameSink {
  readonly #target: InboundTarget;
  /** Whose payload is being read; undefined while it is skipped. */
  #receiver: YamuxStream | undefined;
  /** A FIN that takes effect behind the payload that came with it. */
  #isFinPending = false;

  constructor(target: InboundTarget) {
    this.#target = target;
  }

  onHeader(header: Readonly<FrameHeader>): void {
    if (header.type === TYPE_PING) {
      this.#target.onPing(header.flags, header.length);
    } else if (header.type === TYPE_GO_AWAY) {
      this.#target.onGoAway(header.length);
    } else {
      this.#onStreamFrame(header);
    }
  }

  onPayload(piece: Uint8Array, isLast: boolean): void {
    this.#receiver?.onData(piece);
    if (!isLast) return;
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (this.#isFinPending) receiver?.onFin();
    this.#isFinPending = false;
  }

  #onStreamFrame({ type, flags, streamId, length }: Readonly<FrameHeader>): void {
    const target = this.#target;
    const isData = type === TYPE_DATA;
    if (streamId === 0) {
      throw protocolError('ERR_YAMUX_STREAM_ID', 'a stream frame has the id 0', { type });
    }
    if (isData && length > target.windowBytes) {
      // Also for streams we know nothing of: no one was ever allowed to send that much at once.
      throw protocolError('ERR_YAMUX_WINDOW_EXCEEDED', 'a data frame is larger than any window', {
        streamId,
        expectedBytes: target.windowBytes,
        foundBytes: length,
      });
    }
    const stream = flags & FLAG_SYN ? target.onSyn(streamId) : target.find(streamId);
    // Most likely a stream that was reset here while the frame was on its way.
    if (stream === undefined) return;
    if (flags & FLAG_ACK) target.onAck(stream);
    if (isData) stream.onDataHeader(length);
    else stream.onWindowUpdate(length);
    if (flags & FLAG_RST) {
      stream.onReset(streamReset(streamId, 'the other side reset the stream'));
    } else if (isData && length > 0) {
      this.#receiver = stream;
      this.#isFinPending = (flags & FLAG_FIN) !== 0;
    } else if (flags & FLAG_FIN) {
      stream.onFin();
    }
  }
}
