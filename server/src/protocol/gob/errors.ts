import { CodedError, type ErrorDetails } from '../../base/errors.ts';

/** The bytes are not gob, or are damaged. */
export function corrupt(message: string, details: ErrorDetails = {}, cause?: unknown): CodedError {
  return new CodedError('ERR_GOB_CORRUPT', message, details, cause);
}

/** A length, count or depth is above its cap in limits.ts. */
export function overLimit(what: string, limit: number, found?: number): CodedError {
  return new CodedError('ERR_GOB_LIMIT', `too much gob data: ${what}`, { limit, found });
}

/** The sender's type does not fit the one expected here. */
export function typeMismatch(expected: string, found: string): CodedError {
  return new CodedError('ERR_GOB_TYPE', 'a received type does not fit', { expected, found });
}

/** A value of ours that gob does not send. */
export function badValue(message: string, details: ErrorDetails = {}): CodedError {
  return new CodedError('ERR_GOB_VALUE', message, details);
}
