import { CodedError } from '../../base/errors.ts';
import {
  busy,
  changed,
  denied,
  failed,
  meaningOf,
  meant,
  missing,
  socketMeaning,
} from '../bucket/meanings.ts';
import type { Meaning, Vocabulary } from '../bucket/meanings.ts';

const full: Meaning = { code: 'ERR_FILESTORE_FULL', message: 'the store has no room left' };
const unsupported: Meaning = {
  code: 'ERR_FILESTORE_UNSUPPORTED',
  message: 'the store does not know this kind of request',
};
const region: Meaning = {
  code: 'ERR_FILESTORE_REGION',
  message: 'the bucket is in another region; check Amazon S3 Region and Amazon S3 Endpoint',
};
const foreignRegion: Meaning = {
  code: 'ERR_FILESTORE_REGION',
  message: 'the store does not take this region; set Amazon S3 Region to one that it knows',
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
const byName: Vocabulary['byName'] = {
  NoSuchKey: missing,
  NotFound: missing,
  NoSuchObject: missing,
  ObjectNotFound: missing,
  KeyNotFound: missing,
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
  InternalError: failed,
  RequestTimeout: timeout,
  TimeoutError: timeout,
  QuotaExceeded: full,
  XMinioStorageFull: full,
  AuthorizationHeaderMalformed: region,
  IllegalLocationConstraintException: region,
  InvalidRegion: foreignRegion,
  InvalidRegionName: foreignRegion,
  PermanentRedirect: region,
  NotImplemented: unsupported,
  MethodNotAllowed: unsupported,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
};

const byStatus: Vocabulary['byStatus'] = {
  301: region,
  401: denied('access denied'),
  403: denied('access denied'),
  405: unsupported,
  501: unsupported,
  507: full,
};

/** Any error of the client, or of the connection below it, as one with a code and a reason. */
export function bucketError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const name = nameOf(error);
  const status = statusOf(error);
  // The client calls a broken connection a time-out; the code of the socket knows better.
  const ofSocket = status === undefined ? socketMeaning(error) : undefined;
  const meaning = ofSocket ?? meaningOf({ byName, byStatus }, name, status);
  const text = error instanceof Error ? error.message : '';
  return meant(meaning, text, { status, reason: name === text ? undefined : name });
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
