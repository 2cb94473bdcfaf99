// Frame header of hashicorp/yamux v0.1.2 (const.go); the layout is drawn in ./format.md.

export const PROTOCOL_VERSION = 0;
export const HEADER_BYTES = 12;

/** Window of each half of a stream when it begins; a constant of the protocol. */
export const INITIAL_WINDOW_BYTES = 256 * 1024;

export const TYPE_DATA = 0;
export const TYPE_WINDOW_UPDATE = 1;
export const TYPE_PING = 2;
export const TYPE_GO_AWAY = 3;

/** Opens a stream; on a ping: a question. */
export const FLAG_SYN = 1;
/** Accepts a stream; on a ping: the answer. */
export const FLAG_ACK = 2;
/** Ends the sender's half of the stream. */
export const FLAG_FIN = 4;
/** Ends both halves at once. */
export const FLAG_RST = 8;

export const GO_AWAY_NORMAL = 0;
export const GO_AWAY_PROTOCOL_ERROR = 1;
export const GO_AWAY_INTERNAL_ERROR = 2;

/** Highest stream id that is handed out; Go stops there too. */
export const MAX_STREAM_ID = 0xffffffff - 2;

/** A decoded header. Decoders reuse one object for all frames: take what is needed out of it. */
export interface FrameHeader {
  type: number;
  flags: number;
  streamId: number;
  length: number;
}
