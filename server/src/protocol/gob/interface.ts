import { badValue, corrupt, overLimit, typeMismatch } from './errors.ts';
import { MAX_TYPE_NAME_BYTES } from './limits.ts';
import { Schema, type Decode, type WireTypes } from './schema.ts';
import type { ValueReader } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';
import { BasicId } from './wire-type.ts';

/** A value in a Go interface: the registered name of its concrete type, and the value. */
export interface InterfaceValue {
  readonly type: string;
  readonly value: unknown;
  /** Of a type that this side has not registered: its schema as the sender described it. */
  readonly schema?: Schema<unknown>;
}

/** Concrete types by the name under which Go programs register them. */
export type Registry = ReadonlyMap<string, Schema<unknown>>;

class InterfaceSchema extends Schema<InterfaceValue | null> {
  readonly label = 'interface';
  readonly #registry: () => Registry;

  constructor(registry: () => Registry) {
    super();
    this.#registry = registry;
  }

  override zero(): null {
    return null;
  }

  override isZero(value: InterfaceValue | null): boolean {
    return value === null;
  }

  override typeId(): number {
    return BasicId.interface;
  }

  override encode(out: ValueWriter, value: InterfaceValue | null): void {
    if (value === null) {
      out.uint(0);
      return;
    }
    const schema = this.#registry().get(value.type) ?? value.schema;
    if (schema === undefined)
      throw badValue('a concrete type is not registered', { type: value.type });
    out.text(value.type);
    out.int(schema.typeId(out.types));
    const inner = new ValueWriter(out.types);
    out.nested(() => {
      if (!schema.isStruct) inner.uint(0);
      schema.encode(inner, value.value);
    });
    out.byteString(inner.bytes.borrow());
  }

  override compile(types: WireTypes, id: number): Decode<InterfaceValue | null> {
    if (id !== BasicId.interface) throw typeMismatch(this.label, types.nameOf(id));
    return (input) => this.#read(types, input);
  }

  #read(types: WireTypes, input: ValueReader): InterfaceValue | null {
    const type = readConcreteName(input);
    if (type === '') return null;
    const id = types.readTypeSequence(input);
    // The length is there to pass over the value; it is wrong when the value defines types.
    input.uint();
    const known = this.#registry().get(type);
    const schema = known ?? types.derive(id);
    input.enter();
    if (!schema.isStruct) readSingleMark(input);
    const value = types.compile(id, schema)(input);
    input.leave();
    return known === undefined ? { type, value, schema } : { type, value };
  }
}

/** The name of the concrete type, empty for a nil interface. */
export function readConcreteName(input: ValueReader): string {
  const name = input.text();
  if (name.length > MAX_TYPE_NAME_BYTES) {
    throw overLimit('name of a concrete type', MAX_TYPE_NAME_BYTES, name.length);
  }
  return name;
}

/** Reads the zero byte in front of a value at the top that is not a struct. */
export function readSingleMark(input: ValueReader): void {
  const mark = input.uint();
  if (mark !== 0) {
    throw corrupt('a single value does not begin with zero', { offset: input.offset, found: mark });
  }
}

/**
 * A Go interface. Values of a name outside the registry are read by the sender's description and
 * carry their schema, so that they can be looked at and sent on.
 */
export function iface(registry: Registry | (() => Registry)): Schema<InterfaceValue | null> {
  return new InterfaceSchema(typeof registry === 'function' ? registry : () => registry);
}
