import { badValue } from './errors.ts';
import { Schema, type Decode, type TypeIds, type WireTypes } from './schema.ts';
import type { ValueWriter } from './value-writer.ts';

/** Gob sends what a pointer points to, and nothing of the pointer: the types are the same. */
class PointerSchema<T> extends Schema<T | null> {
  readonly #elem: Schema<T>;

  constructor(elem: Schema<T>) {
    super();
    this.#elem = elem;
  }

  override get label(): string {
    return `*${this.#elem.label}`;
  }

  override get isStruct(): boolean {
    return this.#elem.isStruct;
  }

  override get base(): Schema<unknown> {
    return this.#elem.base;
  }

  override zero(): T | null {
    return null;
  }

  override isZero(value: T | null): boolean {
    return value === null || this.#elem.isZeroPointee(value);
  }

  override typeId(types: TypeIds): number {
    return this.#elem.typeId(types);
  }

  override encode(out: ValueWriter, value: T | null): void {
    if (value === null) throw badValue('gob cannot send a null pointer here', { type: this.label });
    this.#elem.encode(out, value);
  }

  override compile(types: WireTypes, id: number): Decode<T | null> {
    return types.compile(id, this.#elem);
  }
}

class LazySchema<T> extends Schema<T> {
  readonly #resolve: () => Schema<T>;

  constructor(resolve: () => Schema<T>) {
    super();
    this.#resolve = resolve;
  }

  override get label(): string {
    // Not the label of the type itself, which would be endless for a recursive slice or map.
    return 'recursive type';
  }

  override get isStruct(): boolean {
    return this.#resolve().isStruct;
  }

  override get base(): Schema<unknown> {
    return this.#resolve().base;
  }

  override zero(): T {
    return this.#resolve().zero();
  }

  override isZero(value: T): boolean {
    return this.#resolve().isZero(value);
  }

  override isZeroPointee(value: T): boolean {
    return this.#resolve().isZeroPointee(value);
  }

  override typeId(types: TypeIds): number {
    return this.#resolve().typeId(types);
  }

  override encode(out: ValueWriter, value: T): void {
    this.#resolve().encode(out, value);
  }

  override compile(types: WireTypes, id: number): Decode<T> {
    return types.compile(id, this.#resolve());
  }
}

class OptionalSchema<T> extends Schema<T | undefined> {
  readonly #inner: Schema<T>;

  constructor(inner: Schema<T>) {
    super();
    this.#inner = inner;
  }

  override get label(): string {
    return this.#inner.label;
  }

  override get isStruct(): boolean {
    return this.#inner.isStruct;
  }

  override get base(): Schema<unknown> {
    return this.#inner.base;
  }

  override zero(): T {
    return this.#inner.zero();
  }

  override absent(): undefined {
    return undefined;
  }

  override isZero(value: T | undefined): boolean {
    return value === undefined || this.#inner.isZero(value);
  }

  override typeId(types: TypeIds): number {
    return this.#inner.typeId(types);
  }

  override encode(out: ValueWriter, value: T | undefined): void {
    if (value === undefined) throw badValue('only a struct field can be left out');
    this.#inner.encode(out, value);
  }

  override compile(types: WireTypes, id: number): Decode<T> {
    return types.compile(id, this.#inner);
  }
}

/** Values of another schema in a form that is handier here. */
class MappedSchema<T, U> extends Schema<U> {
  readonly #inner: Schema<T>;
  readonly #fromWire: (value: T) => U;
  readonly #toWire: (value: U) => T;

  constructor(inner: Schema<T>, fromWire: (value: T) => U, toWire: (value: U) => T) {
    super();
    this.#inner = inner;
    this.#fromWire = fromWire;
    this.#toWire = toWire;
  }

  override get label(): string {
    return this.#inner.label;
  }

  override get isStruct(): boolean {
    return this.#inner.isStruct;
  }

  override get base(): Schema<unknown> {
    return this.#inner.base;
  }

  override zero(): U {
    return this.#fromWire(this.#inner.zero());
  }

  override isZero(value: U): boolean {
    return this.#inner.isZero(this.#toWire(value));
  }

  override typeId(types: TypeIds): number {
    return this.#inner.typeId(types);
  }

  override encode(out: ValueWriter, value: U): void {
    this.#inner.encode(out, this.#toWire(value));
  }

  override compile(types: WireTypes, id: number): Decode<U> {
    const decode = types.compile(id, this.#inner);
    return (input) => this.#fromWire(decode(input));
  }
}

/**
 * A Go pointer. One to a zero value arrives as null, because gob sends neither; where the two
 * differ, use the schema of what it points to (zero for both).
 */
export function pointer<T>(elem: Schema<T>): Schema<T | null> {
  return new PointerSchema(elem);
}

/** Refers to a schema that is not made yet, for types that contain themselves. */
export function lazy<T>(resolve: () => Schema<T>): Schema<T> {
  return new LazySchema(resolve);
}

/**
 * A struct field that is undefined when the sender's type has no field of this name, as with an
 * older host; a field that the sender knows and left out is its zero value.
 */
export function optional<T>(inner: Schema<T>): Schema<T | undefined> {
  return new OptionalSchema(inner);
}

/** `inner` with its values translated on the way in and out. */
export function mapped<T, U>(
  inner: Schema<T>,
  fromWire: (value: T) => U,
  toWire: (value: U) => T,
): Schema<U> {
  return new MappedSchema(inner, fromWire, toWire);
}
