// What goes wrong with any store behind a network, in the words of the file store.
import { codeOf } from '../../base/errors.ts';
import { isCertificateCode } from '../certificates.ts';

export interface Meaning {
  readonly code: string;
  /** One sentence for a person; the store's own words follow as the cause. */
  readonly message: string;
}

export const unreachable = (message: string): Meaning => ({
  code: 'ERR_FILESTORE_UNREACHABLE',
  message,
});
export const denied = (message: string): Meaning => ({ code: 'ERR_FILESTORE_DENIED', message });
export const busy: Meaning = {
  code: 'ERR_FILESTORE_BUSY',
  message: 'the store has too much to do',
};
export const missing: Meaning = {
  code: 'ERR_FILESTORE_NOT_FOUND',
  message: 'there is no such object',
};
export const changed: Meaning = {
  code: 'ERR_FILESTORE_CHANGED',
  message: 'the object was replaced while it was read',
};
export const tooShort: Meaning = {
  code: 'ERR_FILESTORE',
  message: 'the object is shorter than the range that was asked for',
};
const timeout: Meaning = {
  code: 'ERR_FILESTORE_TIMEOUT',
  message: 'the store did not answer in time',
};
const certificate: Meaning = {
  code: 'ERR_FILESTORE_TLS',
  message: 'the certificate of the endpoint is not valid for it or not trusted',
};

/** By the code that Node gives errors of sockets. */
const BY_SOCKET_CODE: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: unreachable('nobody answers at the endpoint'),
  ENOTFOUND: unreachable('the name of the endpoint is not known'),
  EAI_AGAIN: unreachable('the name of the endpoint could not be looked up'),
  EHOSTUNREACH: unreachable('there is no way to the endpoint'),
  ENETUNREACH: unreachable('there is no way to the endpoint'),
  ECONNRESET: unreachable('the connection to the store broke'),
  ECONNABORTED: unreachable('the connection to the store broke'),
  ERR_STREAM_PREMATURE_CLOSE: unreachable('the connection to the store broke'),
  EPIPE: unreachable('the connection to the store broke'),
  ETIMEDOUT: timeout,
  EPROTO: {
    code: 'ERR_FILESTORE_TLS',
    message: 'the endpoint does not speak TLS; check the setting for secure connections',
  },
};

/** What the error of a socket means; undefined when it is none. */
export function socketMeaning(error: unknown): Meaning | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = codeOf(error) ?? codeOf(cause) ?? '';
  return BY_SOCKET_CODE[code] ?? (isCertificateCode(code) ? certificate : undefined);
}

/** What any status means that the store gave no better name for; undefined: no answer at all. */
export function statusMeaning(status: number | undefined): Meaning {
  if (status === undefined) return unreachable('the store could not be asked');
  if (status >= 500) return { code: 'ERR_FILESTORE_BUSY', message: 'the store failed' };
  if (status >= 200 && status < 300) {
    // An answer that was cut off or changed on its way; asking again may bring a whole one.
    return unreachable('the answer of the store makes no sense');
  }
  return { code: 'ERR_FILESTORE', message: 'the store refused the request' };
}

/** The longest text of a store that is passed on. */
const TEXT_MAX = 300;

/** What a stranger says is shown to people: one short line without control characters. */
export function shortText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, TEXT_MAX);
}
