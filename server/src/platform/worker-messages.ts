import { CodedError, type ErrorDetails } from '../base/errors.ts';

/** What the pool sends to a worker. */
export type WorkerRequest =
  | { readonly kind: 'run'; readonly id: number; readonly task: string; readonly input: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

/** What a worker answers: one for each `run`. */
export type WorkerAnswer =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly error: PlainError };

/** An error as it crosses between threads: structured clone drops classes and codes. */
export interface PlainError {
  readonly message: string;
  readonly code: string | undefined;
  readonly details: ErrorDetails;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
}

/** Deeper chains of causes are cut. */
const CAUSE_DEPTH_MAX = 8;

export function packError(error: unknown, depth = 0): PlainError {
  if (!(error instanceof Error)) {
    const message = String(error);
    return { message, code: undefined, details: {}, stack: undefined, cause: undefined };
  }
  const hasCause = error.cause !== undefined && depth < CAUSE_DEPTH_MAX;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    message: error.message,
    code,
    details: error instanceof CodedError ? error.details : {},
    stack: error.stack,
    cause: hasCause ? packError(error.cause, depth + 1) : undefined,
  };
}

/** An error from a worker has a code: `ERR_TASK_FAILED` when it came without one. */
export function unpackError(plain: PlainError): CodedError {
  const cause = plain.cause === undefined ? undefined : unpackError(plain.cause);
  const error = new CodedError(
    plain.code ?? 'ERR_TASK_FAILED',
    plain.message,
    plain.details,
    cause,
  );
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}
