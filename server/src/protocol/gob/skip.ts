import { corrupt } from './errors.ts';
import { readConcreteName, readSingleMark } from './interface.ts';
import type { Decode, WireTypes } from './schema.ts';
import { nextField } from './struct.ts';
import type { ValueReader } from './value-reader.ts';
import { BasicId, type WireType } from './wire-type.ts';

const BASIC_SKIPPERS: ReadonlyMap<number, Decode<void>> = new Map([
  [BasicId.bool, (input: ValueReader) => input.skipNumber()],
  [BasicId.int, (input: ValueReader) => input.skipNumber()],
  [BasicId.uint, (input: ValueReader) => input.skipNumber()],
  [BasicId.float, (input: ValueReader) => input.skipNumber()],
  [BasicId.bytes, (input: ValueReader) => input.skipByteString()],
  [BasicId.string, (input: ValueReader) => input.skipByteString()],
  [
    BasicId.complex,
    (input: ValueReader) => {
      input.skipNumber();
      input.skipNumber();
    },
  ],
]);

/** Makes what reads over a value of the sender's type `id`. */
export function compileSkipper(types: WireTypes, id: number): Decode<void> {
  const basic = BASIC_SKIPPERS.get(id);
  if (basic !== undefined) return basic;
  if (id === BasicId.interface) return (input) => skipInterface(types, input);
  return compileDescribed(types, types.describe(id));
}

function compileDescribed(types: WireTypes, wire: WireType): Decode<void> {
  switch (wire.kind) {
    case 'opaque':
      return (input) => input.skipByteString();
    case 'slice': {
      const skip = types.skipper(wire.elem);
      return (input) => repeat(input, input.uint(), skip);
    }
    case 'array': {
      const skip = types.skipper(wire.elem);
      return (input) => {
        const count = input.uint();
        if (count !== wire.length) {
          throw corrupt('an array comes with another length', { found: count });
        }
        repeat(input, count, skip);
      };
    }
    case 'map': {
      const skipKey = types.skipper(wire.key);
      const skipElem = types.skipper(wire.elem);
      return (input) =>
        repeat(input, input.uint(), () => {
          skipKey(input);
          skipElem(input);
        });
    }
    case 'struct': {
      const skips = wire.fields.map((field) => types.skipper(field.id));
      return (input) => skipStruct(input, skips);
    }
  }
}

// Each element takes at least one byte, so the message bounds the turns.
function repeat(input: ValueReader, count: number, skip: Decode<void>): void {
  input.enter();
  for (let i = 0; i < count; i++) skip(input);
  input.leave();
}

function skipStruct(input: ValueReader, skips: ReadonlyArray<Decode<void>>): void {
  input.enter();
  for (let index = nextField(input, -1, skips.length); index >= 0;) {
    skips[index](input);
    index = nextField(input, index, skips.length);
  }
  input.leave();
}

// The value is read rather than jumped over by its length: types that it defines must be kept,
// and with those the length covers only its first part.
function skipInterface(types: WireTypes, input: ValueReader): void {
  if (readConcreteName(input) === '') return;
  const id = types.readTypeSequence(input);
  input.uint();
  input.enter();
  if (!types.isStruct(id)) readSingleMark(input);
  types.skipper(id)(input);
  input.leave();
}
