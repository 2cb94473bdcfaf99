import { corrupt, typeMismatch } from './errors.ts';
import { Schema, type Decode, type TypeIds, type ValueOf, type WireTypes } from './schema.ts';
import type { ValueReader } from './value-reader.ts';
import type { ValueWriter } from './value-writer.ts';

export type Fields = Readonly<Record<string, Schema<unknown>>>;
export type StructOf<F extends Fields> = { [K in keyof F]: ValueOf<F[K]> };
type Values = Record<string, unknown>;

/** A field of the sender's struct: where it goes here, or how it is passed over. */
interface Slot {
  readonly name: string | undefined;
  readonly decode: Decode<unknown>;
}

/** A field of ours, and its value when none comes. */
interface Own {
  readonly name: string;
  readonly missing: () => unknown;
}

class StructSchema extends Schema<Values> {
  readonly label: string;
  readonly #fields: ReadonlyArray<readonly [string, Schema<unknown>]>;
  readonly #byName: ReadonlyMap<string, Schema<unknown>>;
  readonly #sparse: boolean;

  constructor(
    name: string,
    fields: ReadonlyArray<readonly [string, Schema<unknown>]>,
    sparse: boolean,
  ) {
    super();
    this.label = name;
    this.#fields = fields;
    this.#byName = new Map(fields);
    this.#sparse = sparse;
  }

  override get isStruct(): boolean {
    return true;
  }

  override zero(): Values {
    if (this.#sparse) return {};
    return Object.fromEntries(this.#fields.map(([name, schema]) => [name, schema.absent()]));
  }

  override isZero(): boolean {
    // Go sends an embedded struct even when all its fields are zero.
    return false;
  }

  override typeId(types: TypeIds): number {
    return types.idOf(this, () => ({
      kind: 'struct',
      name: this.label,
      fields: this.#fields.map(([name, schema]) => ({ name, id: schema.typeId(types) })),
    }));
  }

  override encode(out: ValueWriter, value: Values): void {
    out.nested(() => {
      let previous = -1;
      for (const [index, [name, schema]] of this.#fields.entries()) {
        const field = value[name];
        if (field === undefined || (!this.#sparse && schema.isZero(field))) continue;
        out.uint(index - previous);
        schema.encode(out, field);
        previous = index;
      }
      out.uint(0);
    });
  }

  override compile(types: WireTypes, id: number): Decode<Values> {
    const wire = types.describe(id);
    if (wire.kind !== 'struct') throw typeMismatch(`struct ${this.label}`, types.nameOf(id));
    const named = new Set(wire.fields.map((field) => field.name));
    const slots = wire.fields.map((field): Slot => {
      const schema = this.#byName.get(field.name);
      return schema === undefined
        ? { name: undefined, decode: types.skipper(field.id) }
        : { name: field.name, decode: types.compile(field.id, schema) };
    });
    if (this.#sparse) return (input) => readStruct(input, slots, []);
    const own = this.#fields.map(([name, schema]): Own => {
      return { name, missing: named.has(name) ? () => schema.zero() : () => schema.absent() };
    });
    return (input) => readStruct(input, slots, own);
  }
}

function readStruct(input: ValueReader, slots: readonly Slot[], own: readonly Own[]): Values {
  input.enter();
  input.spend(own.length + 1);
  const value: Values = {};
  // All fields first and in one order, so that the engine sees one shape of object.
  for (const { name } of own) value[name] = undefined;
  for (let index = nextField(input, -1, slots.length); index >= 0;) {
    const slot = slots[index];
    const field = slot.decode(input);
    if (slot.name !== undefined) value[slot.name] = field;
    index = nextField(input, index, slots.length);
  }
  for (const { name, missing } of own) {
    if (value[name] === undefined) value[name] = missing();
  }
  input.leave();
  return value;
}

/** The number of the next field that is present, or -1 after the last. */
export function nextField(input: ValueReader, previous: number, fieldCount: number): number {
  const delta = input.uint();
  if (delta === 0) return -1;
  const index = previous + delta;
  if (index >= fieldCount) {
    throw corrupt('a struct has a field that its type lacks', {
      offset: input.offset,
      found: index,
      fieldCount,
    });
  }
  return index;
}

/**
 * A Go struct as a plain object with Go's field names. Fields are matched by name: what the sender
 * has more is passed over, what it lacks is the field's `absent` value.
 */
export function struct<F extends Fields>(name: string, fields: F): Schema<StructOf<F>> {
  return new StructSchema(name, Object.entries(fields), false) as Schema<StructOf<F>>;
}

/**
 * A struct whose values hold only the fields that came. All that are there are sent, so that an
 * empty map that is not nil stays one.
 */
export function sparseStruct(
  name: string,
  fields: ReadonlyArray<readonly [string, Schema<unknown>]>,
): Schema<Readonly<Record<string, unknown>>> {
  return new StructSchema(name, fields, true);
}

/** A struct value with the given fields; the others are as the sender would have left them out. */
export function fill<T extends object>(schema: Schema<T>, fields: Partial<T>): T {
  return { ...schema.zero(), ...fields };
}
