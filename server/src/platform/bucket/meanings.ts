// What goes wrong with any store behind a network, in the words of the file store.
import { CodedError, codeOf } from '../../base/errors.ts';
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
export const failed: Meaning = { code: 'ERR_FILESTORE_BUSY', message: 'the store failed' };
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

/** What statuses mean to all stores. */
const BY_STATUS: Readonly<Record<number, Meaning>> = {
  412: changed,
  416: tooShort,
  429: busy,
  503: busy,
};

/** What one kind of store means by its own names of errors and by statuses. */
export interface Vocabulary {
  readonly byName: Readonly<Record<string, Meaning>>;
  readonly byStatus: Readonly<Record<number, Meaning>>;
}

/**
 * What the store says is wrong: its name for that says more than the status.
 *
 * @param status undefined when there was no answer at all
 */
export function meaningOf(
  { byName, byStatus }: Vocabulary,
  name: string | undefined,
  status: number | undefined,
): Meaning {
  const named = name === undefined ? undefined : byName[name];
  return named ?? (status === undefined ? unasked : (byStatus[status] ?? statusMeaning(status)));
}

const unasked = unreachable('the store could not be asked');

function statusMeaning(status: number): Meaning {
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 500) return failed;
  if (status >= 200 && status < 300) {
    // An answer that was cut off or changed on its way; asking again may bring a whole one.
    return unreachable('the answer of the store makes no sense');
  }
  return { code: 'ERR_FILESTORE', message: 'the store refused the request' };
}

/** What the failure of a connection means. */
export function connectionMeaning(error: unknown): Meaning {
  return socketMeaning(error) ?? unasked;
}

/** The error with a meaning; its cause is what the store or the system said, shortened. */
export function meant(
  { code, message }: Meaning,
  text: string,
  details: Readonly<Record<string, string | number | undefined>> = {},
): CodedError {
  const said = shortText(text);
  return new CodedError(code, message, details, said === '' ? undefined : new Error(said));
}

/** The longest text of a store that is passed on. */
const TEXT_MAX = 300;

/** What a stranger says is shown to people: one short line without control characters. */
function shortText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, TEXT_MAX);
}
