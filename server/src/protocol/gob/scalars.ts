import { badValue, typeMismatch } from './errors.ts';
import { Schema, type Decode, type WireTypes } from './schema.ts';
import type { ValueReader } from './value-reader.ts';
import type { ValueWriter } from './value-writer.ts';
import { BasicId } from './wire-type.ts';

interface Basic<T> {
  readonly label: string;
  readonly id: number;
  zero(): T;
  isZero(value: T): boolean;
  write(out: ValueWriter, value: T): void;
  read(input: ValueReader): T;
}

class BasicSchema<T> extends Schema<T> {
  readonly label: string;
  readonly #basic: Basic<T>;

  constructor(basic: Basic<T>) {
    super();
    this.label = basic.label;
    this.#basic = basic;
  }

  override zero(): T {
    return this.#basic.zero();
  }

  override isZero(value: T): boolean {
    return this.#basic.isZero(value);
  }

  override typeId(): number {
    return this.#basic.id;
  }

  override encode(out: ValueWriter, value: T): void {
    this.#basic.write(out, value);
  }

  override compile(types: WireTypes, id: number): Decode<T> {
    if (id !== this.#basic.id) throw typeMismatch(this.label, types.nameOf(id));
    return this.#basic.read;
  }
}

/** A Go complex number. */
export interface Complex {
  re: number;
  im: number;
}

export const bool: Schema<boolean> = new BasicSchema<boolean>({
  label: 'bool',
  id: BasicId.bool,
  zero: () => false,
  isZero: (value) => !value,
  write: (out, value) => out.uint(value ? 1 : 0),
  read: (input) => input.uint() !== 0,
});

/** Any signed Go integer; values outside ±(2^53 - 1) are an `ERR_GOB_TYPE`. */
export const int: Schema<number> = new BasicSchema<number>({
  label: 'int',
  id: BasicId.int,
  zero: () => 0,
  isZero: (value) => value === 0,
  write: (out, value) => out.int(value),
  read: (input) => safeInteger(input.anyInt()),
});

/** Any signed Go integer, all 64 bits. */
export const int64: Schema<bigint> = new BasicSchema<bigint>({
  label: 'int64',
  id: BasicId.int,
  zero: () => 0n,
  isZero: (value) => value === 0n,
  write: (out, value) => out.int64(value),
  read: (input) => input.int64(),
});

/** Any signed Go integer: a number when it is a safe one, else a bigint. */
export const anyInt: Schema<number | bigint> = new BasicSchema<number | bigint>({
  label: 'int',
  id: BasicId.int,
  zero: () => 0,
  isZero: (value) => Number(value) === 0,
  write: (out, value) => out.int64(wholeNumber(value)),
  read: (input) => input.anyInt(),
});

/** Any unsigned Go integer; values above 2^53 - 1 are an `ERR_GOB_TYPE`. */
export const uint: Schema<number> = new BasicSchema<number>({
  label: 'uint',
  id: BasicId.uint,
  zero: () => 0,
  isZero: (value) => value === 0,
  write: (out, value) => out.uint(value),
  read: (input) => safeInteger(input.anyUint()),
});

/** Any unsigned Go integer, all 64 bits. */
export const uint64: Schema<bigint> = new BasicSchema<bigint>({
  label: 'uint64',
  id: BasicId.uint,
  zero: () => 0n,
  isZero: (value) => value === 0n,
  write: (out, value) => out.uint64(value),
  read: (input) => input.uint64(),
});

/** Any unsigned Go integer: a number when it is a safe one, else a bigint. */
export const anyUint: Schema<number | bigint> = new BasicSchema<number | bigint>({
  label: 'uint',
  id: BasicId.uint,
  zero: () => 0,
  isZero: (value) => Number(value) === 0,
  write: (out, value) => out.uint64(wholeNumber(value)),
  read: (input) => input.anyUint(),
});

export const float: Schema<number> = new BasicSchema<number>({
  label: 'float',
  id: BasicId.float,
  zero: () => 0,
  isZero: (value) => value === 0,
  write: (out, value) => out.float(value),
  read: (input) => input.float(),
});

export const complex: Schema<Complex> = new BasicSchema<Complex>({
  label: 'complex',
  id: BasicId.complex,
  zero: () => ({ re: 0, im: 0 }),
  isZero: (value) => value.re === 0 && value.im === 0,
  write: (out, value) => {
    out.float(value.re);
    out.float(value.im);
  },
  read: (input) => ({ re: input.float(), im: input.float() }),
});

/** Text. Bytes that are not UTF-8, which a Go string may hold, become U+FFFD. */
export const string: Schema<string> = new BasicSchema<string>({
  label: 'string',
  id: BasicId.string,
  zero: () => '',
  isZero: (value) => value === '',
  write: (out, value) => {
    if (typeof value !== 'string') throw badValue('a string is expected', { found: typeof value });
    out.text(value);
  },
  read: (input) => input.text(),
});

/** A Go `[]byte`; an empty one and nil are the same. */
export const bytes: Schema<Uint8Array> = new BasicSchema<Uint8Array>({
  label: 'bytes',
  id: BasicId.bytes,
  zero: () => new Uint8Array(0),
  isZero: (value) => value.length === 0,
  write: (out, value) => out.byteString(value),
  read: (input) => input.byteString(),
});

// A sound value that this side has no room for: the stream goes on behind it.
function safeInteger(value: number | bigint): number {
  if (typeof value === 'number') return value;
  throw typeMismatch('an integer within 53 bits', String(value));
}

function wholeNumber(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isInteger(value)) {
    throw badValue('an integer is expected', { found: value });
  }
  return BigInt(value);
}
