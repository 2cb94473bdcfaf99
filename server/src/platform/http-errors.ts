import { CodedError, codeOf } from '../base/errors.ts';
import { redactUrl } from '../base/redact.ts';
import { isCertificateCode } from './certificates.ts';

/** Characters of a server's own words that are kept. */
const SERVER_TEXT_MAX = 100;

const CLOSED = 'the connection was closed before the answer was complete';
const DAMAGED = 'the compressed answer is damaged';
const UNREACHABLE = 'the host cannot be reached';

/** What the codes of Node and zlib mean to a person. */
const SENTENCES: Readonly<Record<string, readonly [code: string, sentence: string]>> = {
  ECONNREFUSED: ['ERR_HTTP_REFUSED', 'connection refused'],
  ENOTFOUND: ['ERR_HTTP_DNS', 'the host name is not known'],
  EAI_AGAIN: ['ERR_HTTP_DNS', 'the host name could not be looked up'],
  ETIMEDOUT: ['ERR_HTTP_TIMEOUT', 'no connection: the system gave up waiting'],
  EHOSTUNREACH: ['ERR_HTTP', UNREACHABLE],
  ENETUNREACH: ['ERR_HTTP', UNREACHABLE],
  ECONNRESET: ['ERR_HTTP', CLOSED],
  EPIPE: ['ERR_HTTP', CLOSED],
  Z_BUF_ERROR: ['ERR_HTTP', CLOSED],
  Z_DATA_ERROR: ['ERR_HTTP', DAMAGED],
};

/**
 * The port's error for whatever an exchange with `url` has thrown.
 *
 * @param isForeign the exchange was with another origin, of which nothing is told
 */
export function exchangeError(error: unknown, url: string, isForeign = false): unknown {
  if (error instanceof CodedError) return error;
  // As a whole: in a text nobody knows where a URL with blanks or quotes ends.
  const where = { url: redactUrl(url) };
  const code = codeOf(error) ?? '';
  const known = SENTENCES[code];
  if (known !== undefined) return new CodedError(known[0], known[1], where, error);
  if (isForeign) {
    return new CodedError('ERR_HTTP', 'the request failed where the exporter redirected to', where);
  }
  const reason = error instanceof Error ? error.message : String(error);
  if (isCertificateCode(code)) {
    // What Node advises behind the semicolon is of no use to those who have a plugin.
    const message = `the certificate of the host is not accepted: ${cleanText(reason.split(';')[0])}`;
    return new CodedError('ERR_HTTP', message, where, error);
  }
  return new CodedError('ERR_HTTP', `the request failed: ${reason}`, where, error);
}

/** The other side has ended the connection where nothing says why. */
export function closedError(): CodedError {
  return new CodedError('ERR_HTTP', CLOSED);
}

/** A redirect leads where no scrape goes. */
export function redirectError(): CodedError {
  const message = 'redirected to a link-local address, which is not followed';
  return new CodedError('ERR_HTTP_REDIRECT_REFUSED', message);
}

/** The other side speaks something else, or makes no sense. */
export function notHttpError(): CodedError {
  return new CodedError('ERR_HTTP', 'the answer is not HTTP');
}

export function timeoutError(timeoutMs: number, hasHeaders: boolean): CodedError {
  const within = `within ${timeoutMs / 1000} s`;
  const message = hasHeaders ? `the answer was not complete ${within}` : `no answer ${within}`;
  return new CodedError('ERR_HTTP_TIMEOUT', message, { timeoutMs });
}

/** What a server says about itself is shown to people: one short line of it. */
export function cleanText(text: string): string {
  return text.slice(0, SERVER_TEXT_MAX).replace(/[^\x20-\x7e]/g, '?');
}
