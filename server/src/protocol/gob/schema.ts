import type { ValueReader } from './value-reader.ts';
import type { ValueWriter } from './value-writer.ts';
import type { WireType } from './wire-type.ts';

/** Reads one value of one sender's type. */
export type Decode<T> = (input: ValueReader) => T;

/** Ids of the types that one encoder has described to the other side. */
export interface TypeIds {
  /** The id of `schema`; on first use it is described with what `describe` returns. */
  idOf(schema: Schema<unknown>, describe: () => WireType): number;
}

/** The types that the sender of one stream has described, and the decoders made for them. */
export interface WireTypes {
  /** The description of `id`; an error when there is none, because the type is basic or unknown. */
  describe(id: number): WireType;
  /** What error texts call the type. */
  nameOf(id: number): string;
  /** Whether `id` is a struct, which has no mark in front at the top. */
  isStruct(id: number): boolean;
  /** A decoder of type `id` into values of `schema`; an error when they do not fit. */
  compile<T>(id: number, schema: Schema<T>): Decode<T>;
  /** Reads over a value of type `id`. */
  skipper(id: number): Decode<void>;
  /** A schema that holds the values of type `id`; see derive.ts. */
  derive(id: number): Schema<unknown>;
  /** Reads the type definitions inside an interface value, and the id after them. */
  readTypeSequence(input: ValueReader): number;
}

/**
 * One Go type as this side sees it: its zero value, how its values are written, and how they are
 * read from the types that a sender describes. Schemas are stateless and made once, as constants:
 * type ids and compiled decoders are kept by the identity of the schema.
 */
export abstract class Schema<T> {
  /** What error texts call it. */
  abstract readonly label: string;
  /** What a struct field is when the sender left it out, as Go does with zero values. */
  abstract zero(): T;
  /** Whether a struct field with this value is left out. */
  abstract isZero(value: T): boolean;
  /** The type id to announce, which may define the type first. */
  abstract typeId(types: TypeIds): number;
  abstract encode(out: ValueWriter, value: T): void;
  /** A decoder for the sender's type `id`; throws `ERR_GOB_TYPE` when they do not fit. */
  abstract compile(types: WireTypes, id: number): Decode<T>;

  /** What a struct field is when the sender's type has no such field. */
  absent(): T {
    return this.zero();
  }

  /** The same for a field that is a pointer to this value. */
  isZeroPointee(value: T): boolean {
    return this.isZero(value);
  }

  /** Whether values stand alone; all but structs have a zero byte in front at the top. */
  get isStruct(): boolean {
    return false;
  }

  /** The schema that carries the type id: itself, except for pointers and references. */
  get base(): Schema<unknown> {
    return this;
  }
}

/** The JavaScript type of a schema's values. */
export type ValueOf<S> = S extends Schema<infer T> ? T : never;

/** The zero value, fresh on each call. */
export function zero<T>(schema: Schema<T>): T {
  return schema.zero();
}
