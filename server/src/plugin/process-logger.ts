import { describeError } from '../base/errors.ts';
import type { LogFields, Logger } from '../base/log.ts';
import { redactText } from '../base/redact.ts';

const LEVELS = { debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' } as const;

/**
 * The log of the process: the host's own log while the plugin is active, standard error otherwise,
 * where the host reads lines with the level in brackets.
 */
export class ProcessLogger implements Logger {
  readonly #writeLine: (line: string) => void;
  #host: Logger | undefined;

  constructor(writeLine: (line: string) => void) {
    this.#writeLine = writeLine;
  }

  setHost(host: Logger | undefined): void {
    this.#host = host;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  #log(level: keyof typeof LEVELS, message: string, fields: LogFields = {}): void {
    if (this.#host !== undefined) {
      this.#host[level](message, fields);
      return;
    }
    const parts = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${JSON.stringify(textOf(value))}`);
    this.#writeLine(`[${LEVELS[level]}] ${redactText(message)}${parts.join('')}\n`);
  }
}

function textOf(value: unknown): string {
  return value instanceof Error ? describeError(value) : redactText(String(value));
}
