import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { redactText } from '../../base/redact.ts';

/** Something that an administrator should know and can do something about. */
export interface Warning {
  /** Stable, lower snake case; the panel and tests match it. */
  readonly code: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What to do about it, in one sentence. */
  readonly action?: string;
}

/** Times, counts, and what is in the names of temporary files. */
const NUMBERS = /\b(?=[\da-f]*\d)[\da-f]+\b/gi;

/**
 * The warnings that hold right now. Each is logged once when it appears, or says something else than
 * other numbers, and once when it has gone, however often the parts report it.
 */
export class WarningBoard {
  readonly #logger: Logger;
  readonly #warnings = new Map<string, Warning>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** In the order in which they appeared. */
  list(): Warning[] {
    return [...this.#warnings.values()];
  }

  raise(given: Warning, cause?: unknown): void {
    const warning = { ...given, message: redactText(given.message) };
    const old = this.#warnings.get(warning.code);
    this.#warnings.set(warning.code, warning);
    if (old !== undefined && shapeOf(old.message) === shapeOf(warning.message)) return;
    this.#logger.warn(warning.message, {
      code: warning.code,
      ...(warning.action !== undefined && { action: warning.action }),
      ...(cause !== undefined && { cause: describeError(cause) }),
    });
  }

  clear(code: string): void {
    const old = this.#warnings.get(code);
    if (old === undefined) return;
    this.#warnings.delete(code);
    this.#logger.info('No longer the case', { code, message: old.message });
  }

  /** Raises or clears by a condition. */
  set(code: string, warning: Omit<Warning, 'code'> | undefined, cause?: unknown): void {
    if (warning === undefined) this.clear(code);
    else this.raise({ code, ...warning }, cause);
  }
}

function shapeOf(message: string): string {
  return message.replace(NUMBERS, '#');
}
