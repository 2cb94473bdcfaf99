import { CodedError } from '../base/errors.ts';
import type { HttpRequest, HttpResponse } from './types.ts';

/** An error whose message and code the client may see. */
export class HttpError extends CodedError {
  readonly status: number;

  /** @param message one sentence with a full stop, for the administrator who looks at the panel */
  constructor(status: number, code: string, message: string, cause?: unknown) {
    super(code, message, { status }, cause);
    this.status = status;
  }
}

export async function sendJson(
  response: HttpResponse,
  value: unknown,
  status = 200,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  response.header.set('Content-Type', 'application/json');
  response.header.set('Content-Length', String(bytes.length));
  response.header.set('Cache-Control', 'no-store');
  response.header.set('X-Content-Type-Options', 'nosniff');
  await response.writeHead(status);
  await response.write(bytes);
}

/** Success without anything to say. */
export async function sendEmpty(response: HttpResponse): Promise<void> {
  response.header.set('Content-Length', '0');
  await response.writeHead(200);
}

/** The body in the form of Mattermost's own errors, which its clients know how to show. */
export async function sendError(response: HttpResponse, error: HttpError): Promise<void> {
  const { code, message, status } = error;
  await sendJson(response, { id: code, message, status_code: status }, status);
}

/**
 * The request's body as JSON object. 413 beyond `sizeBytesMax`, 400 when it is none; nothing beyond
 * the limit is held in memory.
 */
export async function readJsonBody(
  request: HttpRequest,
  sizeBytesMax: number,
): Promise<Record<string, unknown>> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let sizeBytes = 0;
  try {
    for (;;) {
      const piece = await request.body.read();
      if (piece === undefined) break;
      sizeBytes += piece.length;
      if (sizeBytes > sizeBytesMax) {
        throw new HttpError(413, 'ERR_BODY_TOO_LARGE', 'The request is too large.');
      }
      text += decoder.decode(piece, { stream: true });
    }
    const value: unknown = JSON.parse(text + decoder.decode());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return Object.fromEntries(Object.entries(value));
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'ERR_BODY_JSON', 'The request is not valid JSON.', error);
  }
  throw new HttpError(400, 'ERR_BODY_JSON', 'The request is not a JSON object.');
}
