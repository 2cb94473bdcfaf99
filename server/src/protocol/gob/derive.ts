import { array, map, slice } from './containers.ts';
import { corrupt } from './errors.ts';
import { iface } from './interface.ts';
import { rawOpaque } from './opaque.ts';
import { basicRegistry } from './registry.ts';
import { anyInt, anyUint, bool, bytes, complex, float, string } from './scalars.ts';
import type { Schema, WireTypes } from './schema.ts';
import { sparseStruct } from './struct.ts';
import { BasicId, type WireType } from './wire-type.ts';

const BASIC_SCHEMAS: ReadonlyMap<number, Schema<unknown>> = new Map<number, Schema<unknown>>([
  [BasicId.bool, bool],
  [BasicId.int, anyInt],
  [BasicId.uint, anyUint],
  [BasicId.float, float],
  [BasicId.bytes, bytes],
  [BasicId.string, string],
  [BasicId.complex, complex],
  [BasicId.interface, iface(basicRegistry)],
]);

/**
 * A schema that holds the values of the sender's type `id` without loss: structs as objects of the
 * fields that came, integers as numbers or bigints, opaque types as their bytes.
 */
export function deriveSchema(types: WireTypes, id: number): Schema<unknown> {
  return BASIC_SCHEMAS.get(id) ?? deriveDescribed(types, types.describe(id));
}

function deriveDescribed(types: WireTypes, wire: WireType): Schema<unknown> {
  switch (wire.kind) {
    case 'array':
      return array(wire.length, types.derive(wire.elem), wire.name);
    case 'slice':
      return slice(types.derive(wire.elem), wire.name);
    case 'map':
      return map(types.derive(wire.key), types.derive(wire.elem), wire.name);
    case 'opaque':
      return rawOpaque(wire.name, wire.opaque);
    case 'struct': {
      const fields = wire.fields.map(({ name, id }): [string, Schema<unknown>] => {
        // Go sends exported fields only, which also keeps names like __proto__ out.
        if (!/^\p{Lu}/u.test(name)) throw corrupt('a field name is not exported', { name });
        return [name, types.derive(id)];
      });
      return sparseStruct(wire.name, fields);
    }
  }
}
