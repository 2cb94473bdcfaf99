// How gob describes types: the wireType of encoding/gob/type.go, and the ids that all streams know.

/** Ids of the basic types. */
export const BasicId = {
  bool: 1,
  int: 2,
  uint: 3,
  float: 4,
  bytes: 5,
  string: 6,
  complex: 7,
  interface: 8,
} as const;

/** Ids of the types that describe types; 24 is the one of the last three kinds of `WireType`. */
export const BootstrapId = {
  wireType: 16,
  arrayType: 17,
  commonType: 18,
  sliceType: 19,
  structType: 20,
  fieldType: 21,
  fieldTypes: 22,
  mapType: 23,
  opaqueType: 24,
} as const;

/** The lowest id that a sender may define is one above this, as Go's encoder does. */
export const LAST_RESERVED_ID = 63;
/** Our own types begin here, as Go's do. */
export const FIRST_OWN_ID = 65;

export interface WireField {
  readonly name: string;
  readonly id: number;
}

/** How a type with its own encoding makes its bytes; Go checks that both sides agree. */
export type OpaqueKind = 'gob' | 'binary' | 'text';

/** The description of a type that is not basic. */
export type WireType =
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly elem: number;
      readonly length: number;
    }
  | { readonly kind: 'slice'; readonly name: string; readonly elem: number }
  | { readonly kind: 'map'; readonly name: string; readonly key: number; readonly elem: number }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly WireField[] }
  | { readonly kind: 'opaque'; readonly name: string; readonly opaque: OpaqueKind };

const BASIC_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(BasicId).map(([name, id]) => [id, name]),
);

/** The name of a basic type, or undefined for any other id. */
export function basicName(id: number): string | undefined {
  return BASIC_NAMES.get(id);
}
