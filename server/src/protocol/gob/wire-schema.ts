// How type descriptions travel: as gob values of types that all streams know from the start.
import { corrupt, overLimit } from './errors.ts';
import { MAX_TYPE_FIELDS } from './limits.ts';
import { slice } from './containers.ts';
import { pointer } from './references.ts';
import { int, string } from './scalars.ts';
import type { ValueOf } from './schema.ts';
import { fill, struct } from './struct.ts';
import { BasicId, BootstrapId, type WireType } from './wire-type.ts';

const commonType = struct('CommonType', { Name: string, Id: int });
const arrayType = struct('arrayType', { CommonType: commonType, Elem: int, Len: int });
const sliceType = struct('sliceType', { CommonType: commonType, Elem: int });
const mapType = struct('mapType', { CommonType: commonType, Key: int, Elem: int });
const fieldType = struct('fieldType', { Name: string, Id: int });
const structType = struct('structType', { CommonType: commonType, Field: slice(fieldType) });
const opaqueType = struct('gobEncoderType', { CommonType: commonType });

/** encoding/gob's `wireType`: exactly one of the fields is there. */
export const wireTypeSchema = struct('wireType', {
  ArrayT: pointer(arrayType),
  SliceT: pointer(sliceType),
  StructT: pointer(structType),
  MapT: pointer(mapType),
  GobEncoderT: pointer(opaqueType),
  BinaryMarshalerT: pointer(opaqueType),
  TextMarshalerT: pointer(opaqueType),
});

type Described = ValueOf<typeof wireTypeSchema>;

/** The description of type `id` as a value of {@link wireTypeSchema}. */
export function wireTypeToValue(id: number, wire: WireType): Described {
  const CommonType = { Name: wire.name, Id: id };
  const value = (fields: Partial<Described>): Described => fill(wireTypeSchema, fields);
  switch (wire.kind) {
    case 'array':
      return value({ ArrayT: { CommonType, Elem: wire.elem, Len: wire.length } });
    case 'slice':
      return value({ SliceT: { CommonType, Elem: wire.elem } });
    case 'map':
      return value({ MapT: { CommonType, Key: wire.key, Elem: wire.elem } });
    case 'struct': {
      const Field = wire.fields.map((field) => ({ Name: field.name, Id: field.id }));
      return value({ StructT: { CommonType, Field } });
    }
    case 'opaque':
      if (wire.opaque === 'gob') return value({ GobEncoderT: { CommonType } });
      if (wire.opaque === 'binary') return value({ BinaryMarshalerT: { CommonType } });
      return value({ TextMarshalerT: { CommonType } });
  }
}

/** A received description. @throws `ERR_GOB_CORRUPT` when it does not describe one type */
export function wireTypeFromValue(value: Described): WireType {
  const found = Object.values(value).filter((part) => part !== null).length;
  if (found !== 1) throw corrupt('a type is not described in one way', { found });
  if (value.ArrayT) {
    const { CommonType, Elem: elem, Len: length } = value.ArrayT;
    if (length < 0) throw corrupt('an array type has a negative length', { found: length });
    return { kind: 'array', name: CommonType.Name, elem, length };
  }
  if (value.SliceT) {
    return { kind: 'slice', name: value.SliceT.CommonType.Name, elem: value.SliceT.Elem };
  }
  if (value.MapT) {
    const { CommonType, Key: key, Elem: elem } = value.MapT;
    return { kind: 'map', name: CommonType.Name, key, elem };
  }
  if (value.StructT) {
    const { CommonType, Field } = value.StructT;
    if (Field.length > MAX_TYPE_FIELDS) throw overLimit('fields of a type', MAX_TYPE_FIELDS);
    const fields = Field.map((field) => ({ name: field.Name, id: field.Id }));
    return { kind: 'struct', name: CommonType.Name, fields };
  }
  const named = value.GobEncoderT ?? value.BinaryMarshalerT ?? value.TextMarshalerT;
  const opaque = value.GobEncoderT ? 'gob' : value.BinaryMarshalerT ? 'binary' : 'text';
  return { kind: 'opaque', name: named?.CommonType.Name ?? '', opaque };
}

type BootstrapFields = ReadonlyArray<readonly [string, number]>;

function builtin(name: string, fields: BootstrapFields): WireType {
  return { kind: 'struct', name, fields: fields.map(([field, id]) => ({ name: field, id })) };
}

const common: readonly [string, number] = ['CommonType', BootstrapId.commonType];

/** The types that describe types, as if the sender had described them. */
export const bootstrapTypes: ReadonlyMap<number, WireType> = new Map<number, WireType>([
  [
    BootstrapId.wireType,
    builtin('wireType', [
      ['ArrayT', BootstrapId.arrayType],
      ['SliceT', BootstrapId.sliceType],
      ['StructT', BootstrapId.structType],
      ['MapT', BootstrapId.mapType],
      ['GobEncoderT', BootstrapId.opaqueType],
      ['BinaryMarshalerT', BootstrapId.opaqueType],
      ['TextMarshalerT', BootstrapId.opaqueType],
    ]),
  ],
  [
    BootstrapId.arrayType,
    builtin('arrayType', [common, ['Elem', BasicId.int], ['Len', BasicId.int]]),
  ],
  [
    BootstrapId.commonType,
    builtin('CommonType', [
      ['Name', BasicId.string],
      ['Id', BasicId.int],
    ]),
  ],
  [BootstrapId.sliceType, builtin('sliceType', [common, ['Elem', BasicId.int]])],
  [BootstrapId.structType, builtin('structType', [common, ['Field', BootstrapId.fieldTypes]])],
  [
    BootstrapId.fieldType,
    builtin('fieldType', [
      ['Name', BasicId.string],
      ['Id', BasicId.int],
    ]),
  ],
  [
    BootstrapId.fieldTypes,
    { kind: 'slice', name: '[]fieldType', elem: BootstrapId.fieldType } satisfies WireType,
  ],
  [BootstrapId.mapType, builtin('mapType', [common, ['Key', BasicId.int], ['Elem', BasicId.int]])],
  [BootstrapId.opaqueType, builtin('gobEncoderType', [common])],
]);
