import { CodedError } from '../../base/errors.ts';
import {
  busy,
  changed,
  denied,
  missing,
  shortText,
  socketMeaning,
  statusMeaning,
  tooShort,
} from '../bucket/meanings.ts';
import type { Meaning } from '../bucket/meanings.ts';

const full: Meaning = { code: 'ERR_FILESTORE_FULL', message: 'the store has no room left' };
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
  PreconditionFailed: changed,
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
  412: changed,
  416: tooShort,
  429: busy,
  501: unsupported,
  503: busy,
  507: full,
};

/** Any error of the client, or of the connection below it, as one with a code and a reason. */
export function bucketError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const name = nameOf(error);
  const status = statusOf(error);
  // The client calls a broken connection a time-out; the code of the socket knows better.
  const ofSocket = status === undefined ? socketMeaning(error) : undefined;
  const meaning =
    ofSocket ??
    (name === undefined ? undefined : BY_NAME[name]) ??
    (status === undefined ? undefined : BY_STATUS[status]) ??
    statusMeaning(status);
  const text = textOf(error);
  return new CodedError(
    meaning.code,
    meaning.message,
    { status, reason: name === text ? undefined : name },
    text === '' ? undefined : new Error(text),
  );
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error && /^\w{1,60}$/.test(error.name) ? error.name : undefined;
}

export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if (!('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function textOf(error: unknown): string {
  return error instanceof Error ? shortText(error.message) : '';
}
