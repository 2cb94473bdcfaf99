import { badValue, corrupt, typeMismatch } from './errors.ts';
import { Schema, type Decode, type TypeIds, type WireTypes } from './schema.ts';
import type { ValueReader } from './value-reader.ts';
import type { ValueWriter } from './value-writer.ts';

/** Reads `count` elements. No room is made in advance: each element takes at least one byte. */
function readElements<T>(input: ValueReader, count: number, decode: Decode<T>): T[] {
  const elements: T[] = [];
  input.enter();
  for (let i = 0; i < count; i++) {
    input.spend(1);
    elements.push(decode(input));
  }
  input.leave();
  return elements;
}

function writeElements<T>(out: ValueWriter, elem: Schema<T>, values: readonly T[]): void {
  out.uint(values.length);
  out.nested(() => {
    for (const value of values) elem.encode(out, value);
  });
}

class SliceSchema<T> extends Schema<T[]> {
  readonly #elem: Schema<T>;
  readonly #name: string | undefined;

  constructor(elem: Schema<T>, name?: string) {
    super();
    this.#elem = elem;
    this.#name = name;
  }

  override get label(): string {
    return this.#name ?? `[]${this.#elem.label}`;
  }

  override zero(): T[] {
    return [];
  }

  override isZero(value: T[]): boolean {
    return value.length === 0;
  }

  override typeId(types: TypeIds): number {
    return types.idOf(this, () => ({
      kind: 'slice',
      name: this.label,
      elem: this.#elem.typeId(types),
    }));
  }

  override encode(out: ValueWriter, value: T[]): void {
    writeElements(out, this.#elem, value);
  }

  override compile(types: WireTypes, id: number): Decode<T[]> {
    const wire = types.describe(id);
    if (wire.kind !== 'slice') throw typeMismatch(this.label, types.nameOf(id));
    const decode = types.compile(wire.elem, this.#elem);
    return (input) => readElements(input, input.uint(), decode);
  }
}

class ArraySchema<T> extends Schema<T[]> {
  readonly #length: number;
  readonly #elem: Schema<T>;
  readonly #name: string | undefined;

  constructor(length: number, elem: Schema<T>, name?: string) {
    super();
    this.#length = length;
    this.#elem = elem;
    this.#name = name;
  }

  override get label(): string {
    return this.#name ?? `[${this.#length}]${this.#elem.label}`;
  }

  override zero(): T[] {
    return Array.from({ length: this.#length }, () => this.#elem.zero());
  }

  override isZero(): boolean {
    // Go sends arrays even when all their elements are zero.
    return false;
  }

  override typeId(types: TypeIds): number {
    return types.idOf(this, () => ({
      kind: 'array',
      name: this.label,
      elem: this.#elem.typeId(types),
      length: this.#length,
    }));
  }

  override encode(out: ValueWriter, value: T[]): void {
    if (value.length !== this.#length) {
      throw badValue(`${this.label} has another length`, { found: value.length });
    }
    writeElements(out, this.#elem, value);
  }

  override compile(types: WireTypes, id: number): Decode<T[]> {
    const wire = types.describe(id);
    if (wire.kind !== 'array' || wire.length !== this.#length) {
      throw typeMismatch(this.label, types.nameOf(id));
    }
    const decode = types.compile(wire.elem, this.#elem);
    return (input) => {
      const count = input.uint();
      if (count !== this.#length) {
        throw corrupt(`${this.label} comes with another length`, { found: count });
      }
      return readElements(input, count, decode);
    };
  }
}

class MapSchema<K, V> extends Schema<Map<K, V>> {
  readonly #key: Schema<K>;
  readonly #elem: Schema<V>;
  readonly #name: string | undefined;

  constructor(key: Schema<K>, elem: Schema<V>, name?: string) {
    super();
    this.#key = key;
    this.#elem = elem;
    this.#name = name;
  }

  override get label(): string {
    return this.#name ?? `map[${this.#key.label}]${this.#elem.label}`;
  }

  override zero(): Map<K, V> {
    return new Map();
  }

  override isZero(value: Map<K, V>): boolean {
    return value.size === 0;
  }

  override typeId(types: TypeIds): number {
    return types.idOf(this, () => ({
      kind: 'map',
      name: this.label,
      key: this.#key.typeId(types),
      elem: this.#elem.typeId(types),
    }));
  }

  override encode(out: ValueWriter, value: Map<K, V>): void {
    out.uint(value.size);
    out.nested(() => {
      for (const [key, elem] of value) {
        this.#key.encode(out, key);
        this.#elem.encode(out, elem);
      }
    });
  }

  override compile(types: WireTypes, id: number): Decode<Map<K, V>> {
    const wire = types.describe(id);
    if (wire.kind !== 'map') throw typeMismatch(this.label, types.nameOf(id));
    const decodeKey = types.compile(wire.key, this.#key);
    const decodeElem = types.compile(wire.elem, this.#elem);
    return (input) => {
      const map = new Map<K, V>();
      const count = input.uint();
      input.enter();
      for (let i = 0; i < count; i++) {
        input.spend(1);
        const key = decodeKey(input);
        map.set(key, decodeElem(input));
      }
      input.leave();
      return map;
    };
  }
}

/**
 * A Go slice, except `[]byte`; nil and an empty one are the same.
 * @param name what the type is called, if not by its element
 */
export function slice<T>(elem: Schema<T>, name?: string): Schema<T[]> {
  return new SliceSchema(elem, name);
}

/** A Go array: exactly `length` elements. */
export function array<T>(length: number, elem: Schema<T>, name?: string): Schema<T[]> {
  return new ArraySchema(length, elem, name);
}

/** A Go map. An empty one is left out of a struct, so that Go reads it as nil. */
export function map<K, V>(key: Schema<K>, elem: Schema<V>, name?: string): Schema<Map<K, V>> {
  return new MapSchema(key, elem, name);
}
