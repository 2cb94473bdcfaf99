import { CodedError } from '../../base/errors.ts';
import { corrupt, typeMismatch } from './errors.ts';
import { Schema, type Decode, type TypeIds, type WireTypes } from './schema.ts';
import type { ValueWriter } from './value-writer.ts';
import type { OpaqueKind } from './wire-type.ts';

/** A type that makes its own bytes: Go's GobEncoder, BinaryMarshaler or TextMarshaler. */
export interface OpaqueCodec<T> {
  readonly name: string;
  readonly kind: OpaqueKind;
  zero(): T;
  isZero(value: T): boolean;
  encode(value: T): Uint8Array;
  /** Throws when the bytes are not of this type. */
  decode(bytes: Uint8Array): T;
}

class OpaqueSchema<T> extends Schema<T> {
  readonly #codec: OpaqueCodec<T>;

  constructor(codec: OpaqueCodec<T>) {
    super();
    this.#codec = codec;
  }

  override get label(): string {
    return this.#codec.name;
  }

  override zero(): T {
    return this.#codec.zero();
  }

  override isZero(value: T): boolean {
    return this.#codec.isZero(value);
  }

  override isZeroPointee(): boolean {
    // Go asks the pointer itself, which has the method too.
    return false;
  }

  override typeId(types: TypeIds): number {
    return types.idOf(this, () => ({
      kind: 'opaque',
      name: this.label,
      opaque: this.#codec.kind,
    }));
  }

  override encode(out: ValueWriter, value: T): void {
    out.byteString(this.#codec.encode(value));
  }

  override compile(types: WireTypes, id: number): Decode<T> {
    const wire = types.describe(id);
    if (wire.kind !== 'opaque' || wire.opaque !== this.#codec.kind) {
      throw typeMismatch(this.label, types.nameOf(id));
    }
    return (input) => {
      const bytes = input.byteString();
      try {
        return this.#codec.decode(bytes);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        throw corrupt(`the bytes of a ${this.label} are damaged`, { offset: input.offset }, error);
      }
    };
  }
}

export function opaque<T>(codec: OpaqueCodec<T>): Schema<T> {
  return new OpaqueSchema(codec);
}

/** The bytes of an opaque type that this side has no codec for. */
export function rawOpaque(name: string, kind: OpaqueKind): Schema<Uint8Array> {
  return opaque<Uint8Array>({
    name,
    kind,
    zero: () => new Uint8Array(0),
    // Empty bytes stand for a field that was left out; no type of Go's libraries makes them else.
    isZero: (value) => value.length === 0,
    encode: (value) => value,
    decode: (bytes) => bytes,
  });
}
