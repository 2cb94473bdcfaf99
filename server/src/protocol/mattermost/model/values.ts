// Go's `any` values: properties of posts, plugin settings, database rows.
import { CodedError } from '../../../base/errors.ts';
import {
  basicRegistry,
  goAny,
  iface,
  map,
  mapped,
  slice,
  string,
  time,
  type InterfaceValue,
  type Schema,
} from '../../gob/index.ts';

const LIST = '[]interface {}';
const OBJECT = 'map[string]interface {}';

/** The concrete types that the host registers for `any`, beside gob's own. */
const registry = new Map<string, Schema<unknown>>(basicRegistry);

/** A Go `any`. */
export const anySchema: Schema<InterfaceValue | null> = iface(() => registry);
export const anyListSchema = slice(anySchema);
/** A Go `map[string]any`. */
export const anyMapSchema = map(string, anySchema);

/** A Go `map[string]any` as a plain object. */
export const objectSchema: Schema<Record<string, unknown>> = mapped(
  anyMapSchema,
  fromGoMap,
  toGoMap,
);

registry.set(LIST, anyListSchema);
registry.set(OBJECT, anyMapSchema);
registry.set('time.Time', time);

/** Lists become arrays and maps objects; everything else keeps its value. */
export function fromGoValue(held: InterfaceValue | null): unknown {
  if (held === null) return null;
  if (held.type === LIST) return (held.value as Array<InterfaceValue | null>).map(fromGoValue);
  if (held.type === OBJECT) return fromGoMap(held.value as Map<string, InterfaceValue | null>);
  return held.value;
}

export function fromGoMap(values: Map<string, InterfaceValue | null>): Record<string, unknown> {
  return Object.fromEntries([...values].map(([key, value]) => [key, fromGoValue(value)]));
}

/**
 * A plain value as the Go value that its JSON would become, but integers as `int64`.
 * @throws `ERR_GO_VALUE` for what JSON does not have either
 */
export function toGoValue(value: unknown): InterfaceValue | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
    return goAny(value);
  }
  if (typeof value === 'bigint') return { type: 'int64', value };
  if (value instanceof Uint8Array) return { type: '[]uint8', value };
  if (Array.isArray(value)) return { type: LIST, value: value.map(toGoValue) };
  if (typeof value === 'object') return { type: OBJECT, value: toGoMap(value) };
  throw new CodedError('ERR_GO_VALUE', 'a value has no counterpart in Go', { found: typeof value });
}

export function toGoMap(value: object): Map<string, InterfaceValue | null> {
  return new Map(Object.entries(value).map(([key, item]) => [key, toGoValue(item)]));
}
