import { redactText } from './redact.ts';

/** What happened, where, and what was expected and found; values are shown to administrators. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The one error type of the product. Callers match `code`, not the message: codes are stable and
 * listed in `server/docs/errors.md`; messages may change.
 */
export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly code: string;
  readonly details: ErrorDetails;

  /**
   * @param code stable, upper snake case, begins with `ERR_`
   * @param message one sentence for a person, without a full stop
   * @param details expected and found values, file, offset, …
   * @param cause the error behind this one, kept whole
   */
  constructor(code: string, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/** Whether `error` is a {@link CodedError} with the given code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof CodedError && error.code === code;
}

/** The code of any error, Node's own (`ENOENT`) included, or undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** One line for a log or a panel: message, details and the chain of causes, without secrets. */
export function describeError(error: unknown): string {
  return redactText(chainOf(error));
}

function chainOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  let text = error.message;
  if (error instanceof CodedError) {
    const pairs = Object.entries(error.details).filter(([, value]) => value !== undefined);
    if (pairs.length > 0) {
      text += ` (${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')})`;
    }
  }
  return error.cause === undefined ? text : `${text}: ${chainOf(error.cause)}`;
}

/** Ends a path that only a bug of ours can reach. Bad input does not get here. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CodedError('ERR_INTERNAL', `internal error: ${message}`);
}
