import { slice } from './containers.ts';
import type { InterfaceValue, Registry } from './interface.ts';
import { anyInt, anyUint, bool, bytes, complex, float, string } from './scalars.ts';
import type { Schema } from './schema.ts';

const SCALARS: ReadonlyArray<readonly [string, Schema<unknown>]> = [
  ['bool', bool],
  ['string', string],
  ...['int', 'int8', 'int16', 'int32', 'int64'].map((name) => [name, anyInt] as const),
  ...['uint', 'uint16', 'uint32', 'uint64', 'uintptr', 'uint8'].map(
    (name) => [name, anyUint] as const,
  ),
  ...['float32', 'float64'].map((name) => [name, float] as const),
  ...['complex64', 'complex128'].map((name) => [name, complex] as const),
];

/** The types that encoding/gob registers itself: basic ones and slices of them. */
export const basicRegistry: Registry = new Map<string, Schema<unknown>>([
  ...SCALARS,
  ...SCALARS.map(([name, schema]) => [`[]${name}`, slice(schema)] as const),
  ['[]uint8', bytes],
]);

/** A Go `any` with a value of the kinds that JSON has, integers as `int64`. */
export function goAny(value: boolean | number | string): InterfaceValue {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  return { type: Number.isSafeInteger(value) ? 'int64' : 'float64', value };
}
