/** Far more than any row of ours. */
const ROW_BYTES_MAX = 1024 * 1024;

/** The fields of a JSON object in a row; none when it is something else, or missing. */
export function readFields(bytes: Uint8Array | undefined): ReadonlyMap<string, unknown> {
  if (bytes === undefined || bytes.length > ROW_BYTES_MAX) return new Map();
  try {
    return fieldsOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return new Map();
  }
}

/** The fields of an object; none when it is something else. */
export function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return new Map(isObject ? Object.entries(value) : []);
}

/** A text; '' when it is missing or something else. */
export function textField(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  return typeof value === 'string' ? value : '';
}

/** A number from 0 to 2^53 - 1, up to which one can count; 0 when it is missing or something else. */
export function numberField(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name);
  const isNumber = typeof value === 'number' && value >= 0 && value < Number.MAX_SAFE_INTEGER;
  return isNumber ? value : 0;
}
