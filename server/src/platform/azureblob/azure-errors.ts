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

const lost: Meaning = {
  code: 'ERR_FILESTORE_UPLOAD_LOST',
  message: 'the store does not know the parts of this upload any more',
};
const failed: Meaning = { code: 'ERR_FILESTORE_BUSY', message: 'the store failed' };
const wrongKey = denied(
  'access denied; check Azure Access Key, or the role of the identity (Storage Blob Data Contributor)',
);

/** By the code that the store gives its errors, in the header x-ms-error-code. */
const BY_NAME: Readonly<Record<string, Meaning>> = {
  BlobNotFound: missing,
  ContainerNotFound: {
    code: 'ERR_FILESTORE_BUCKET',
    message: 'the container does not exist; check Azure Container',
  },
  ContainerBeingDeleted: {
    code: 'ERR_FILESTORE_BUCKET',
    message: 'the container is being deleted',
  },
  InvalidBlockList: lost,
  InvalidBlobOrBlock: lost,
  ConditionNotMet: changed,
  InvalidRange: tooShort,
  AuthenticationFailed: wrongKey,
  AuthorizationFailure: wrongKey,
  AuthorizationPermissionMismatch: wrongKey,
  AuthorizationSourceIPMismatch: denied(
    'the firewall of the storage account lets nobody in from here',
  ),
  InvalidAuthenticationInfo: wrongKey,
  KeyBasedAuthenticationNotPermitted: denied(
    'the storage account takes no keys; set Azure Auth Mode to default_credential',
  ),
  AccountIsDisabled: denied('the storage account is disabled'),
  ServerBusy: busy,
  InternalError: failed,
  OperationTimedOut: failed,
};

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  401: wrongKey,
  403: wrongKey,
  404: missing,
  412: changed,
  416: tooShort,
  429: busy,
  503: busy,
};

/** The failure that an answer tells of. */
export function answerError(status: number, name: string | undefined, text: string): CodedError {
  const meaning =
    (name === undefined ? undefined : BY_NAME[name]) ?? BY_STATUS[status] ?? statusMeaning(status);
  return new CodedError(
    meaning.code,
    meaning.message,
    { status, reason: name },
    text === '' ? undefined : new Error(shortText(text)),
  );
}

/** Any failure of a connection as one with a code and a reason. */
export function connectionError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const { code, message } = socketMeaning(error) ?? statusMeaning(undefined);
  const text = error instanceof Error ? shortText(error.message) : '';
  return new CodedError(code, message, {}, text === '' ? undefined : new Error(text));
}
