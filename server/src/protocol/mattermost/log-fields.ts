import { describeError } from '../../base/errors.ts';
import { redactText } from '../../base/redact.ts';
import type { LogFields } from '../../base/log.ts';
import type { InterfaceValue } from '../gob/index.ts';

/** Longer values of a log line are cut: a line is for reading. */
const VALUE_LENGTH_MAX = 8192;

/** Key, value, key, value: all as text, as Go's plugin library sends them. */
export function toLogPairs(fields: LogFields): InterfaceValue[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .flatMap(([key, value]) => [key, fieldText(value)])
    .map((value) => ({ type: 'string', value }));
}

function fieldText(value: unknown): string {
  const text = describe(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}

function describe(value: unknown): string {
  if (value instanceof Error) return describeError(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return redactText(JSON.stringify(value));
  } catch {
    return '(a value without JSON)';
  }
}
