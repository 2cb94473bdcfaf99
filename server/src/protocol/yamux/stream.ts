import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { CodedError, assert } from '../../base/errors.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import { FRAME_PAYLOAD_BYTES_MAX } from './config.ts';
import { writeData, writeHeader } from './encode.ts';
import { protocolError, streamClosed, streamReset } from './errors.ts';
import {
  FLAG_ACK,
  FLAG_FIN,
  FLAG_RST,
  FLAG_SYN,
  INITIAL_WINDOW_BYTES,
  TYPE_WINDOW_UPDATE,
} from './frame.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import type { FrameSource } from './sender.ts';

/** What a stream needs of its session. */
export interface StreamOwner {
  readonly windowBytes: number;
  sendControl(type: number, flags: number, streamId: number, length: number): void;
  schedule(stream: YamuxStream): void;
  /** Both halves have ended, or the stream was reset: its id means nothing any more. */
  streamEnded(stream: YamuxStream): void;
  /** `close` was called while the other half is open: it must end within the close time-out. */
  streamClosing(stream: YamuxStream): void;
}

interface PendingWrite {
  readonly bytes: Uint8Array;
  offset: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface PendingRead {
  readonly resolve: (bytes: Uint8Array | undefined) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One stream of a session. The reader's pace bounds what the other side may send: the window is
 * opened again only by reading. Methods whose names begin with `on` are the session's.
 */
export class YamuxStream implements Duplex, FrameSource {
  readonly id: number;
  readonly #owner: StreamOwner;
  readonly #received = new ReceiveBuffer();
  #receiveWindowBytes = INITIAL_WINDOW_BYTES;
  #sendWindowBytes = INITIAL_WINDOW_BYTES;
  #reader: PendingRead | undefined;
  readonly #writes: PendingWrite[] = [];
  #closeWriteDone: Promise<void> | undefined;
  #resolveCloseWrite: () => void = () => {};
  #isFinSent = false;
  #isRemoteEnded = false;
  #isDiscarding = false;
  #failure: CodedError | undefined;

  constructor(id: number, owner: StreamOwner) {
    this.id = id;
    this.#owner = owner;
  }

  /** Whether the stream was reset, destroyed, or lost with its session. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#isDiscarding) throw streamClosed(this.id);
    const bytes = this.#received.shift();
    if (bytes !== undefined) {
      this.#openWindow();
      return bytes;
    }
    if (this.#isRemoteEnded) return undefined;
    if (this.#failure !== undefined) throw this.#failure;
    assert(this.#reader === undefined, 'yamux: two reads on one stream at once');
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closeWriteDone !== undefined) throw streamClosed(this.id);
    if (bytes.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#writes.push({ bytes, offset: 0, resolve, reject });
      this.#scheduleIfReady();
    });
  }

  closeWrite(): Promise<void> {
    if (this.#closeWriteDone === undefined) {
      this.#closeWriteDone = new Promise((resolve) => {
        this.#resolveCloseWrite = resolve;
      });
      if (this.#failure !== undefined) this.#resolveCloseWrite();
      else this.#scheduleIfReady();
    }
    return this.#closeWriteDone;
  }

  close(): Promise<void> {
    if (!this.#isDiscarding) {
      this.#isDiscarding = true;
      this.#takeReader()?.reject(streamClosed(this.id));
      this.#received.clear();
      this.#openWindow();
      if (!this.#isRemoteEnded && this.#failure === undefined) this.#owner.streamClosing(this);
    }
    return this.closeWrite();
  }

  destroy(reason?: Error): void {
    if (this.#failure !== undefined) return;
    const isOver = this.#isFinSent && this.#isRemoteEnded;
    this.#fail(
      reason instanceof CodedError
        ? reason
        : streamReset(this.id, 'the stream was destroyed', reason),
    );
    if (isOver) return;
    this.#owner.sendControl(TYPE_WINDOW_UPDATE, FLAG_RST, this.id, 0);
    this.#owner.streamEnded(this);
  }

  /** Sends the frame that opens (SYN) or accepts (ACK) the stream, with our larger window. */
  announce(flag: typeof FLAG_SYN | typeof FLAG_ACK): void {
    const extraBytes = this.#owner.windowBytes - INITIAL_WINDOW_BYTES;
    this.#receiveWindowBytes += extraBytes;
    this.#owner.sendControl(TYPE_WINDOW_UPDATE, flag, this.id, extraBytes);
  }

  takeFrame(out: ByteWriter): boolean {
    if (this.#failure !== undefined || this.#isFinSent) return false;
    const write = this.#writes[0];
    if (write !== undefined) {
      this.#takeData(out, write);
    } else if (this.#closeWriteDone !== undefined) {
      this.#takeFin(out);
    }
    return this.#isReady();
  }

  onWindowUpdate(deltaBytes: number): void {
    this.#sendWindowBytes += deltaBytes;
    if (this.#sendWindowBytes > 0xffffffff) {
      throw protocolError('ERR_YAMUX_WINDOW_OVERFLOW', 'a window grew beyond 32 bits', {
        streamId: this.id,
      });
    }
    this.#scheduleIfReady();
  }

  /** A data frame of this length begins: checked against the window before any of it is kept. */
  onDataHeader(lengthBytes: number): void {
    if (lengthBytes > this.#receiveWindowBytes) {
      throw protocolError('ERR_YAMUX_WINDOW_EXCEEDED', 'a data frame is larger than the window', {
        streamId: this.id,
        expectedBytes: this.#receiveWindowBytes,
        foundBytes: lengthBytes,
      });
    }
    this.#receiveWindowBytes -= lengthBytes;
  }

  onData(piece: Uint8Array): void {
    if (this.#failure !== undefined || this.#isRemoteEnded) return;
    if (!this.#isDiscarding) {
      this.#received.push(piece);
      if (this.#reader === undefined) return;
      this.#takeReader()?.resolve(this.#received.shift());
    }
    this.#openWindow();
  }

  onFin(): void {
    if (this.#isRemoteEnded) {
      throw protocolError('ERR_YAMUX_UNEXPECTED_FLAG', 'the same half was ended twice', {
        streamId: this.id,
      });
    }
    this.#isRemoteEnded = true;
    this.#takeReader()?.resolve(undefined);
    if (this.#isFinSent) this.#owner.streamEnded(this);
  }

  /** The other side, or a time-out, ended both halves. What was not read is dropped. */
  onReset(error: CodedError): void {
    if (this.#failure === undefined) this.#fail(error);
    this.#owner.streamEnded(this);
  }

  /** The session has ended. What has arrived can still be read. */
  onSessionEnd(error: CodedError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#rejectWaiting(error);
  }

  #fail(error: CodedError): void {
    this.#failure = error;
    // A reset takes back even an orderly end: the reader must not take a part for the whole.
    this.#isRemoteEnded = false;
    this.#received.clear();
    this.#rejectWaiting(error);
  }

  #rejectWaiting(error: CodedError): void {
    this.#takeReader()?.reject(error);
    for (const write of this.#writes.splice(0)) write.reject(error);
    this.#resolveCloseWrite();
  }

  #takeReader(): PendingRead | undefined {
    const reader = this.#reader;
    this.#reader = undefined;
    return reader;
  }

  #isReady(): boolean {
    if (this.#failure !== undefined || this.#isFinSent) return false;
    if (this.#writes.length > 0) return this.#sendWindowBytes > 0;
    return this.#closeWriteDone !== undefined;
  }

  #scheduleIfReady(): void {
    if (this.#isReady()) this.#owner.schedule(this);
  }

  #takeData(out: ByteWriter, write: PendingWrite): void {
    const left = write.bytes.length - write.offset;
    const length = Math.min(left, this.#sendWindowBytes, FRAME_PAYLOAD_BYTES_MAX);
    if (length === 0) return;
    writeData(out, this.id, write.bytes.subarray(write.offset, write.offset + length));
    this.#sendWindowBytes -= length;
    write.offset += length;
    if (length === left) {
      this.#writes.shift();
      write.resolve();
    }
  }

  #takeFin(out: ByteWriter): void {
    writeHeader(out, TYPE_WINDOW_UPDATE, FLAG_FIN, this.id, 0);
    this.#isFinSent = true;
    this.#resolveCloseWrite();
    if (this.#isRemoteEnded) this.#owner.streamEnded(this);
  }

  /** Lets the other side send on, when that is worth a frame: half the window, as in Go. */
  #openWindow(): void {
    if (this.#isRemoteEnded || this.#failure !== undefined) return;
    const windowBytes = this.#owner.windowBytes;
    const deltaBytes = windowBytes - this.#received.length - this.#receiveWindowBytes;
    if (deltaBytes < windowBytes / 2) return;
    this.#receiveWindowBytes += deltaBytes;
    this.#owner.sendControl(TYPE_WINDOW_UPDATE, 0, this.id, deltaBytes);
  }
}
