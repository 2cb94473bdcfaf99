/** Values of a log line; keys in camelCase with the unit in the name. Errors are described whole. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where all parts write what an administrator or a support engineer may want to know. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
