import {
  array,
  basicRegistry,
  bool,
  bytes,
  complex,
  float,
  iface,
  int,
  int64,
  lazy,
  map,
  opaque,
  pointer,
  slice,
  string,
  struct,
  time,
  uint64,
  url,
  type Schema,
} from '../../../server/src/protocol/gob/index.ts';

/** A Go type as `random/types.go` describes it. */
export interface Description {
  kind: string;
  bits?: number;
  length?: number;
  key?: Description;
  elem?: Description;
  fields?: ReadonlyArray<{ name: string; type: Description }>;
}

/** The same for the types that `random/types.go` declares by name. */
export const namedTypes: Readonly<Record<string, Description>> = {
  List: structOf({ Value: { kind: 'int', bits: 64 }, Next: pointerTo({ kind: 'List' }) }),
  Tree: structOf({
    Name: { kind: 'string' },
    Nodes: { kind: 'slice', elem: { kind: 'Tree' } },
    Named: { kind: 'map', key: { kind: 'string' }, elem: pointerTo({ kind: 'Tree' }) },
    Held: { kind: 'any' },
  }),
  Wide: structOf({
    Text: { kind: 'string' },
    Any: { kind: 'any' },
    Items: { kind: 'slice', elem: { kind: 'any' } },
    When: { kind: 'Time' },
  }),
  Small: structOf({ A: { kind: 'int', bits: 64 } }),
};

/** Concrete types of interface values, by the names that the Go program registers. */
export const concreteTypes: Readonly<Record<string, Description>> = {
  string: { kind: 'string' },
  int64: { kind: 'int', bits: 64 },
  float64: { kind: 'float', bits: 64 },
  bool: { kind: 'bool' },
  '[]uint8': { kind: 'bytes' },
  '[]string': { kind: 'slice', elem: { kind: 'string' } },
  '*main.Small': { kind: 'Small' },
  'main.Wide': { kind: 'Wide' },
  '*main.Tree': { kind: 'Tree' },
  '[]interface {}': { kind: 'slice', elem: { kind: 'any' } },
  'map[string]interface {}': { kind: 'map', key: { kind: 'string' }, elem: { kind: 'any' } },
  'time.Time': { kind: 'Time' },
};

const bytesAsText = {
  encode: (value: string) => new TextEncoder().encode(`<${value}>`),
  decode: (raw: Uint8Array) => new TextDecoder().decode(raw).slice(1, -1),
};

const texted = opaque<string>({
  name: 'Texted',
  kind: 'binary',
  zero: () => '',
  isZero: (value) => value === '',
  ...bytesAsText,
});

/** Go's big.Int: version 1 in the upper seven bits, the sign in the lowest, then the magnitude. */
const bigInteger = opaque<bigint>({
  name: 'Int',
  kind: 'gob',
  zero: () => 0n,
  isZero: (value) => value === 0n,
  encode: (value) => {
    const digits = value === 0n ? '' : (value < 0n ? -value : value).toString(16);
    const even = digits.length % 2 === 0 ? digits : `0${digits}`;
    return Buffer.from((value < 0n ? '03' : '02') + even, 'hex');
  },
  decode: (raw) => {
    const magnitude = BigInt(`0x0${Buffer.from(raw.subarray(1)).toString('hex')}`);
    return raw[0] & 1 ? -magnitude : magnitude;
  },
});

const known = new Map<string, Schema<unknown>>();
const registry = new Map<string, Schema<unknown>>(basicRegistry);
for (const [name, description] of Object.entries(namedTypes))
  known.set(name, toSchema(description));
for (const [name, description] of Object.entries(concreteTypes)) {
  registry.set(name, toSchema(description));
}

/** Our schema of a described type. */
export function toSchema(type: Description): Schema<unknown> {
  switch (type.kind) {
    case 'bool':
      return bool;
    case 'string':
      return string;
    case 'bytes':
      return bytes;
    case 'int':
      return type.bits === 64 ? int64 : int;
    case 'uint':
      return uint64;
    case 'float':
      return float;
    case 'complex':
      return complex;
    case 'any':
      return iface(() => registry);
    case 'Time':
      return time;
    case 'URL':
      return url;
    case 'Texted':
      return texted;
    case 'Int':
      return bigInteger;
    case 'slice':
      return slice(toSchema(part(type.elem)));
    case 'array':
      return array(type.length ?? 0, toSchema(part(type.elem)));
    case 'map':
      return map(toSchema(part(type.key)), toSchema(part(type.elem)));
    case 'pointer':
      return pointer(toSchema(part(type.elem)));
    case 'struct':
      return struct(
        '',
        Object.fromEntries((type.fields ?? []).map((f) => [f.name, toSchema(f.type)])),
      );
    default:
      return lazy(() => part(known.get(type.kind)));
  }
}

export function part<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a description lacks a part');
  return value;
}

function structOf(fields: Record<string, Description>): Description {
  const entries = Object.entries(fields);
  return { kind: 'struct', fields: entries.map(([name, type]) => ({ name, type })) };
}

function pointerTo(elem: Description): Description {
  return { kind: 'pointer', elem };
}
