import type { Complex, GoTime, InterfaceValue } from '../../../server/src/protocol/gob/index.ts';
import { concreteTypes, namedTypes, part, toSchema, type Description } from './schemas.ts';

type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/**
 * A value in JSON without loss, as `plain` of random/values.go has it.
 * @param inStruct a pointer to a zero value is null there, and minus zero is zero
 */
export function plain(type: Description, value: unknown, inStruct = false): Plain {
  switch (type.kind) {
    case 'bool':
    case 'string':
    case 'URL':
    case 'Texted':
      return value as string | boolean;
    case 'int':
    case 'uint':
    case 'Int':
      return String(value);
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('hex');
    case 'float':
      return floatBits(value as number, inStruct);
    case 'complex': {
      const { re, im } = value as Complex;
      const dropSign = inStruct && re === 0 && im === 0;
      return [floatBits(re, dropSign), floatBits(im, dropSign)];
    }
    case 'Time': {
      const { unixSeconds, nanoseconds, offsetSeconds } = value as GoTime;
      return [String(unixSeconds), nanoseconds, String(offsetSeconds ?? 'UTC')];
    }
    case 'any': {
      if (value === null) return null;
      const held = value as InterfaceValue;
      return { type: held.type, value: plain(part(concreteTypes[held.type]), held.value) };
    }
    case 'slice':
    case 'array':
      return (value as unknown[]).map((item) => plain(part(type.elem), item));
    case 'map':
      return plainMap(type, value as Map<unknown, unknown>);
    case 'pointer':
      if (value === null || (inStruct && sentAsZero(part(type.elem), value))) return null;
      return plain(part(type.elem), value, inStruct);
    case 'struct': {
      const record = value as Record<string, unknown>;
      const fields = part(type.fields ?? []);
      return Object.fromEntries(fields.map((f) => [f.name, plain(f.type, record[f.name], true)]));
    }
    default:
      return plain(part(namedTypes[type.kind]), value, inStruct);
  }
}

function sentAsZero(type: Description, value: unknown): boolean {
  return toSchema(type).isZeroPointee(value);
}

function plainMap(type: Description, value: Map<unknown, unknown>): Plain {
  const pairs = [...value].map(([key, elem]): [Plain, Plain] => [
    plain(part(type.key), key),
    plain(part(type.elem), elem),
  ]);
  // Go sorts by the bytes of the key's JSON; its JSON escapes more than ours.
  const sortKey = ([key]: [Plain, Plain]) => Buffer.from(goJson(key));
  return pairs.sort((a, b) => Buffer.compare(sortKey(a), sortKey(b)));
}

function goJson(value: Plain): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function floatBits(value: number, dropSign: boolean): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, dropSign && value === 0 ? 0 : value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}
