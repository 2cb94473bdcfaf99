import { CodedError } from '../../base/errors.ts';
import {
  busy,
  changed,
  connectionMeaning,
  denied,
  failed,
  meaningOf,
  meant,
  missing,
  tooShort,
} from '../bucket/meanings.ts';
import type { Meaning, Vocabulary } from '../bucket/meanings.ts';

const lost: Meaning = {
  code: 'ERR_FILESTORE_UPLOAD_LOST',
  message: 'the store does not know the parts of this upload any more',
};
const wrongKey = denied(
  'access denied; check Azure Access Key, or the role of the identity (Storage Blob Data Contributor)',
);

/** By the code that the store gives its errors, in the header x-ms-error-code. */
const byName: Vocabulary['byName'] = {
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

const byStatus: Vocabulary['byStatus'] = { 401: wrongKey, 403: wrongKey, 404: missing };

/** The failure that an answer tells of. */
export function answerError(status: number, name: string | undefined, text: string): CodedError {
  return meant(meaningOf({ byName, byStatus }, name, status), text, { status, reason: name });
}

/** Any failure of a connection as one with a code and a reason. */
export function connectionError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return meant(connectionMeaning(error), error instanceof Error ? error.message : '');
}
