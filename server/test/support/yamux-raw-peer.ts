import { ByteWriter } from '../../src/base/bytes/byte-writer.ts';
import { FrameDecoder } from '../../src/protocol/yamux/decode.ts';
import { writeHeader } from '../../src/protocol/yamux/encode.ts';
import {
  FLAG_SYN,
  TYPE_DATA,
  TYPE_WINDOW_UPDATE,
  type FrameHeader,
} from '../../src/protocol/yamux/frame.ts';
import type { YamuxConfig, YamuxStream } from '../../src/protocol/yamux/index.ts';
import { YamuxSession } from '../../src/protocol/yamux/index.ts';
import { duplexPair, type MemoryDuplex } from './duplex-pair.ts';
import { FakeClock, settle } from './fake-clock.ts';

/** A frame as tests write it down. Data frames have a payload, the others a length. */
export interface RawFrame {
  readonly type: number;
  readonly flags?: number;
  readonly id?: number;
  readonly length?: number;
  readonly payload?: string;
}

export function encodeFrame({ type, flags = 0, id = 0, length, payload }: RawFrame): Uint8Array {
  const bytes = new TextEncoder().encode(payload ?? '');
  const out = new ByteWriter();
  writeHeader(out, type, flags, id, length ?? bytes.length);
  out.raw(bytes);
  return out.copy();
}

/** The other side of a session, played frame by frame. The session is the server. */
export class RawPeer {
  readonly clock = new FakeClock();
  readonly session: YamuxSession;
  readonly connection: MemoryDuplex;
  /** What the session has sent since the last `take`, payloads as their length. */
  readonly #frames: FrameHeader[] = [];
  payload = '';

  constructor(config: Partial<YamuxConfig> = {}) {
    const [ours, theirs] = duplexPair();
    this.connection = ours;
    this.session = new YamuxSession(theirs, {
      role: 'server',
      clock: this.clock,
      config: { keepAliveIntervalMs: 0, ...config },
    });
    void this.#receive();
  }

  /** Sends frames, and waits until the session has dealt with them. */
  async send(...frames: RawFrame[]): Promise<void> {
    for (const frame of frames) await this.connection.write(encodeFrame(frame));
    await settle();
  }

  /** The frames that the session has sent since the last call. */
  async take(): Promise<FrameHeader[]> {
    await settle();
    return this.#frames.splice(0);
  }

  async #receive(): Promise<void> {
    const decoder = new FrameDecoder({
      onHeader: (header) => this.#frames.push({ ...header }),
      onPayload: (piece) => (this.payload += new TextDecoder().decode(piece)),
    });
    try {
      for (
        let b = await this.connection.read();
        b !== undefined;
        b = await this.connection.read()
      ) {
        decoder.push(b);
      }
    } catch {
      // The test hung up.
    }
  }
}

export const data = (id: number, payload: string, flags = 0): RawFrame => {
  return { type: TYPE_DATA, flags, id, payload };
};

export const syn = (id: number): RawFrame => control(id, FLAG_SYN);

export function control(id: number, flags: number, length = 0): RawFrame {
  return { type: TYPE_WINDOW_UPDATE, flags, id, length };
}

/** Opens a stream and has the session accept it. */
export async function accept(peer: RawPeer, id = 1): Promise<YamuxStream> {
  await peer.send(syn(id));
  const stream = await peer.session.accept();
  if (stream === undefined) throw new Error('the session has ended');
  await peer.take();
  return stream;
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}
