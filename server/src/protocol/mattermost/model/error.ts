// Errors as the host and the plugin send them; mirrors server/public/plugin/client_rpc.go.
import { CodedError, describeError } from '../../../base/errors.ts';
import { redactText } from '../../../base/redact.ts';
import {
  bool,
  iface,
  int,
  pointer,
  string,
  struct,
  uint,
  type InterfaceValue,
  type Schema,
  type ValueOf,
} from '../../gob/index.ts';

export const appErrorSchema = struct('AppError', {
  Id: string,
  Message: string,
  DetailedError: string,
  RequestId: string,
  StatusCode: int,
  Where: string,
  SkipTranslation: bool,
});
/** `model.AppError`: what most API methods fail with. */
export type AppError = ValueOf<typeof appErrorSchema>;

const errorStringSchema = struct('ErrorString', { Code: int, Err: string });

/** An error of PostgreSQL as lib/pq has it; the fields that say something to an administrator. */
const pqErrorSchema = struct('Error', {
  Severity: string,
  Code: string,
  Message: string,
  Detail: string,
  Hint: string,
  Table: string,
  Column: string,
  Constraint: string,
});

const mysqlErrorSchema = struct('MySQLError', { Number: uint, Message: string });

const ERROR_STRING = '*plugin.ErrorString';
const APP_ERROR = '*model.AppError';
const PQ_ERROR = '*pq.Error';
const MYSQL_ERROR = '*mysql.MySQLError';

/** A Go `error`; nil is null. */
export const errorSchema = iface(
  new Map<string, Schema<unknown>>([
    [ERROR_STRING, errorStringSchema],
    [APP_ERROR, appErrorSchema],
    [PQ_ERROR, pqErrorSchema],
    [MYSQL_ERROR, mysqlErrorSchema],
  ]),
);

export const appErrorPointer = pointer(appErrorSchema);

/** The errors of Go's libraries that callers tell apart, by `ErrorString.Code`. */
const LIBRARY_ERRORS: ReadonlyArray<readonly [number, string]> = [
  [1, 'ERR_DATABASE_EOF'],
  [2, 'ERR_DATABASE_NO_ROWS'],
  [3, 'ERR_DATABASE_CONN_DONE'],
  [4, 'ERR_DATABASE_TX_DONE'],
  [5, 'ERR_DATABASE_SKIP'],
  [6, 'ERR_DATABASE_BAD_CONN'],
  [7, 'ERR_DATABASE_REMOVE_ARGUMENT'],
];

/** `ERR_MATTERMOST_API` with the id, place and status of the host's error, or undefined for nil. */
export function fromAppError(error: AppError | null): CodedError | undefined {
  if (error === null) return undefined;
  const text = error.Message === '' ? error.Id : error.Message;
  return new CodedError('ERR_MATTERMOST_API', text === '' ? 'the host refused' : text, {
    id: error.Id,
    where: error.Where,
    statusCode: error.StatusCode,
    detail: error.DetailedError === '' ? undefined : error.DetailedError,
  });
}

/** What an error of ours looks like to the other side; an AppError that came from there is kept. */
export function toAppError(error: unknown): AppError {
  const given = error instanceof CodedError ? error.details : {};
  return {
    Id: typeof given['id'] === 'string' ? given['id'] : 'plugin.error',
    Message: redactText(error instanceof Error ? error.message : String(error)),
    DetailedError: describeError(error),
    RequestId: '',
    StatusCode: typeof given['statusCode'] === 'number' ? given['statusCode'] : 500,
    Where: typeof given['where'] === 'string' ? given['where'] : '',
    SkipTranslation: true,
  };
}

/** A received `error` by kind: of the API, of the database, of Go's libraries; undefined for nil. */
export function fromWireError(error: InterfaceValue | null): CodedError | undefined {
  if (error === null) return undefined;
  switch (error.type) {
    case APP_ERROR:
      return fromAppError(error.value as AppError);
    case ERROR_STRING: {
      const { Code, Err } = error.value as ValueOf<typeof errorStringSchema>;
      const code = LIBRARY_ERRORS.find(([number]) => number === Code)?.[1];
      return new CodedError(code ?? 'ERR_MATTERMOST_API', Err === '' ? 'the host refused' : Err);
    }
    case PQ_ERROR: {
      const { Message, Code, Severity, Detail } = error.value as ValueOf<typeof pqErrorSchema>;
      const details = { sqlState: Code, severity: Severity, detail: Detail };
      return new CodedError('ERR_DATABASE', Message, details);
    }
    case MYSQL_ERROR: {
      const { Message, Number } = error.value as ValueOf<typeof mysqlErrorSchema>;
      return new CodedError('ERR_DATABASE', Message, { number: Number });
    }
    default:
      return new CodedError('ERR_MATTERMOST_API', 'the host refused', { type: error.type });
  }
}

/** An error of ours as Go's plugin library would send it. */
export function toWireError(error: unknown): InterfaceValue {
  const code = error instanceof CodedError ? error.code : '';
  const Code = LIBRARY_ERRORS.find(([, name]) => name === code)?.[0] ?? 0;
  return { type: ERROR_STRING, value: { Code, Err: describeError(error) } };
}

/**
 * The refusal of a config. Only the message of an AppError reaches the administrator who saves: for
 * any other error the server shows a sentence of its own, without the reason.
 */
export function toRefusal(text: string): InterfaceValue {
  const Id = 'plugin.configuration_refused';
  const value = { ...toAppError(new Error(text)), Id, DetailedError: '', StatusCode: 400 };
  return { type: APP_ERROR, value };
}
