import { CodedError, codeOf } from '../../base/errors.ts';
import { isCertificateCode } from '../certificates.ts';

interface Meaning {
  readonly code: string;
  /** One sentence for a person; the store's own words follow as the cause. */
  readonly message: string;
}

const denied = (message: string): Meaning => ({ code: 'ERR_FILESTORE_DENIED', message });
const busy: Meaning = { code: 'ERR_FILESTORE_BUSY', message: 'the store has too much to do' };
const full: Meaning = { code: 'ERR_FILESTORE_FULL', message: 'the store has no room left' };
const missing: Meaning = { code: 'ERR_FILESTORE_NOT_FOUND', message: 'there is no such object' };
const unsupported: Meaning = {
  code: 'ERR_FILESTORE_UNSUPPORTED',
  message: 'the store does not know this kind of request',
};
const region: Meaning = {
  code: 'ERR_FILESTORE_REGION',
  message: 'the bucket is in another region; check Amazon S3 Region and Amazon S3 Endpoint',
};
const timeout: Meaning = {
  code: 'ERR_FILESTORE_TIMEOUT',
  message: 'the store did not answer in time (AmazonS3RequestTimeoutMilliseconds)',
};
const noCredentials: Meaning = {
  code: 'ERR_FILESTORE_CREDENTIALS',
  message:
    'no access keys are set, and this machine has no identity (IAM role) that the store would know',
};

/** By the name that the store gives its errors. */
const BY_NAME: Readonly<Record<string, Meaning>> = {
  NoSuchKey: missing,
  NotFound: missing,
  NoSuchBucket: {
    code: 'ERR_FILESTORE_BUCKET',
    message: 'the bucket does not exist; check Amazon S3 Bucket',
  },
  NoSuchUpload: {
    code: 'ERR_FILESTORE_UPLOAD_LOST',
    message: 'the store does not know this upload any more',
  },
  PreconditionFailed: {
    code: 'ERR_FILESTORE_CHANGED',
    message: 'the object was replaced while it was read',
  },
  AccessDenied: denied(
    'access denied; the key or role needs s3:GetObject, PutObject, DeleteObject, ListBucket',
  ),
  InvalidAccessKeyId: denied('the store does not know this access key'),
  SignatureDoesNotMatch: denied('the secret access key does not fit the access key'),
  ExpiredToken: denied('the credentials have expired'),
  InvalidToken: denied('the credentials are not valid'),
  RequestTimeTooSkewed: {
    code: 'ERR_FILESTORE_CLOCK',
    message: 'the clocks of this machine and of the store differ too much',
  },
  SlowDown: busy,
  ServiceUnavailable: busy,
  Throttling: busy,
  ThrottlingException: busy,
  TooManyRequests: busy,
  InternalError: { code: 'ERR_FILESTORE_BUSY', message: 'the store failed' },
  RequestTimeout: timeout,
  TimeoutError: timeout,
  QuotaExceeded: full,
  XMinioStorageFull: full,
  AuthorizationHeaderMalformed: region,
  PermanentRedirect: region,
  NotImplemented: unsupported,
  MethodNotAllowed: unsupported,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
};

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  301: region,
  403: denied('access denied'),
  405: unsupported,
  412: {
    code: 'ERR_FILESTORE_CHANGED',
    message: 'the object was replaced while it was read',
  },
  416: {
    code: 'ERR_FILESTORE',
    message: 'the object is shorter than the range that was asked for',
  },
  429: busy,
  501: unsupported,
  503: busy,
  507: full,
};

const unreachable = (message: string): Meaning => ({ code: 'ERR_FILESTORE_UNREACHABLE', message });

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
    message: 'the endpoint does not speak TLS; check Enable Secure Amazon S3 Connections',
  },
};

const CERTIFICATE: Meaning = {
  code: 'ERR_FILESTORE_TLS',
  message: 'the certificate of the endpoint is not valid for it or not trusted',
};

/** The longest text of a store that is passed on. */
const TEXT_MAX = 300;

/** Any error of the client, or of the connection below it, as one with a code and a reason. */
export function bucketError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const name = nameOf(error);
  const status = statusOf(error);
  const socketCode = codeOf(error) ?? codeOf(causeOf(error));
  // The client calls a broken connection a time-out; the code of the socket knows better.
  const ofSocket = status === undefined ? bySocketCode(socketCode ?? '') : undefined;
  const meaning =
    ofSocket ??
    (name === undefined ? undefined : BY_NAME[name]) ??
    (status === undefined ? undefined : BY_STATUS[status]) ??
    generalMeaning(status);
  const text = textOf(error);
  return new CodedError(
    meaning.code,
    meaning.message,
    { status, reason: name === text ? undefined : name },
    text === '' ? undefined : new Error(text),
  );
}

function bySocketCode(code: string): Meaning | undefined {
  return BY_SOCKET_CODE[code] ?? (isCertificateCode(code) ? CERTIFICATE : undefined);
}

function generalMeaning(status: number | undefined): Meaning {
  if (status === undefined) return unreachable('the store could not be asked');
  if (status >= 500) return { code: 'ERR_FILESTORE_BUSY', message: 'the store failed' };
  if (status >= 200 && status < 300) {
    // An answer that was cut off or changed on its way; asking again may bring a whole one.
    return unreachable('the answer of the store makes no sense');
  }
  return { code: 'ERR_FILESTORE', message: 'the store refused the request' };
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error && /^\w{1,60}$/.test(error.name) ? error.name : undefined;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if (!('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

/** What a stranger says is shown to people: one short line without control characters. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return error.message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, TEXT_MAX);
}
