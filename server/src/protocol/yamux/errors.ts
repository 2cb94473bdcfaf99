import type { ErrorDetails } from '../../base/errors.ts';
import { CodedError } from '../../base/errors.ts';

/**
 * The other side broke the protocol; the session ends. Codes: `ERR_YAMUX_VERSION`,
 * `ERR_YAMUX_FRAME_TYPE`, `ERR_YAMUX_STREAM_ID`, `ERR_YAMUX_DUPLICATE_STREAM`,
 * `ERR_YAMUX_UNEXPECTED_FLAG`, `ERR_YAMUX_WINDOW_EXCEEDED`, `ERR_YAMUX_WINDOW_OVERFLOW`. Only for
 * these the other side is sent a go-away with the code "protocol error".
 */
export class YamuxProtocolError extends CodedError {}

export function protocolError(
  code: string,
  message: string,
  details: ErrorDetails,
): YamuxProtocolError {
  return new YamuxProtocolError(code, message, details);
}

/** The session has ended and takes no more work; `cause` says why when it was not on purpose. */
export function sessionClosed(cause?: unknown): CodedError {
  return new CodedError('ERR_YAMUX_SESSION_CLOSED', 'the yamux session is closed', {}, cause);
}

/** The connection below ended or failed while streams were open. */
export function sessionLost(cause?: unknown): CodedError {
  return new CodedError('ERR_YAMUX_SESSION_LOST', 'the connection was lost', {}, cause);
}

/** Our own half (or the whole stream) was closed here before. */
export function streamClosed(streamId: number): CodedError {
  return new CodedError('ERR_YAMUX_STREAM_CLOSED', 'the stream is closed', { streamId });
}

/** The stream was reset by the other side, or by us after a time-out. */
export function streamReset(streamId: number, message: string, cause?: unknown): CodedError {
  return new CodedError('ERR_YAMUX_STREAM_RESET', message, { streamId }, cause);
}
