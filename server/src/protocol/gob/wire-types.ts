import { CodedError } from '../../base/errors.ts';
import { deriveSchema } from './derive.ts';
import { corrupt, overLimit } from './errors.ts';
import { MAX_DEPTH, MAX_TYPES, MAX_TYPE_FIELDS, MAX_TYPES_BYTES } from './limits.ts';
import { lazy } from './references.ts';
import type { Decode, Schema, WireTypes } from './schema.ts';
import { compileSkipper } from './skip.ts';
import type { ValueReader } from './value-reader.ts';
import { bootstrapTypes, wireTypeFromValue, wireTypeSchema } from './wire-schema.ts';
import { basicName, BootstrapId, LAST_RESERVED_ID, type WireType } from './wire-type.ts';

/** A decoder under construction, so that a type that contains itself finds it. */
interface Pending<T> {
  decode: Decode<T>;
}

type OpenMessage = (input: ValueReader) => void;

/** {@link WireTypes} of one stream: what was described so far, and what was compiled for it. */
export class StreamTypes implements WireTypes {
  readonly #types = new Map<number, WireType>();
  readonly #decoders = new Map<Schema<unknown>, Map<number, Pending<unknown>>>();
  readonly #skippers = new Map<number, Pending<void>>();
  readonly #derived = new Map<number, Schema<unknown>>();
  readonly #openMessage: OpenMessage;
  #depth = 0;
  #fieldCount = 0;
  #sizeBytes = 0;

  /** @param openMessage puts the next message of the stream into the reader */
  constructor(openMessage: OpenMessage) {
    this.#openMessage = openMessage;
  }

  describe(id: number): WireType {
    const wire = this.#find(id);
    if (wire === undefined) {
      const found = basicName(id);
      throw found === undefined
        ? corrupt('a type is used before it is described', { id })
        : new CodedError('ERR_GOB_TYPE', 'a received type does not fit', { found });
    }
    return wire;
  }

  nameOf(id: number): string {
    const wire = this.#find(id);
    if (wire === undefined) return basicName(id) ?? `unknown type ${id}`;
    return wire.name === '' ? wire.kind : `${wire.kind} ${wire.name}`;
  }

  isStruct(id: number): boolean {
    return this.#find(id)?.kind === 'struct';
  }

  compile<T>(id: number, schema: Schema<T>): Decode<T> {
    let byId = this.#decoders.get(schema);
    if (byId === undefined) {
      byId = new Map();
      this.#decoders.set(schema, byId);
    }
    const build = () => schema.compile(this, id);
    return this.#once(byId, id, build) as Decode<T>;
  }

  skipper(id: number): Decode<void> {
    return this.#once(this.#skippers, id, () => compileSkipper(this, id));
  }

  derive(id: number): Schema<unknown> {
    const known = this.#derived.get(id);
    if (known !== undefined) return known;
    let made: Schema<unknown> | undefined;
    this.#derived.set(
      id,
      lazy(() => made ?? this.#unfinished(id)),
    );
    try {
      made = this.#nested(() => deriveSchema(this, id));
    } catch (error) {
      this.#derived.delete(id);
      throw error;
    }
    this.#derived.set(id, made);
    return made;
  }

  /** How many types are described; {@link forgetAfter} goes back to it. */
  get count(): number {
    return this.#types.size;
  }

  /** Drops all but the first `count` types, which the stream will describe again. */
  forgetAfter(count: number): void {
    // What was compiled may stay: the same bytes will describe the same types.
    for (const [id, wire] of [...this.#types].slice(count)) {
      this.#types.delete(id);
      if (wire.kind === 'struct') this.#fieldCount -= wire.fields.length;
    }
  }

  readTypeSequence(input: ValueReader): number {
    for (;;) {
      // Go cuts the message after a type definition inside a value.
      if (input.remaining === 0) this.#openMessage(input);
      const id = input.int();
      if (id >= 0) return id;
      this.define(-id, input);
      // One level further in, the length of the value's next part follows instead.
      if (input.remaining > 0) input.uint();
    }
  }

  /** Reads the description of type `id`. */
  define(id: number, input: ValueReader): void {
    if (id <= LAST_RESERVED_ID || this.#types.has(id)) {
      throw corrupt('a type is described twice', { id, offset: input.offset });
    }
    if (this.#types.size >= MAX_TYPES) throw overLimit('types', MAX_TYPES);
    const start = input.remaining;
    const wire = wireTypeFromValue(readDescription(input));
    this.#sizeBytes += start - input.remaining;
    if (this.#sizeBytes > MAX_TYPES_BYTES) throw overLimit('types in bytes', MAX_TYPES_BYTES);
    if (wire.kind === 'struct') {
      this.#fieldCount += wire.fields.length;
      if (this.#fieldCount > MAX_TYPE_FIELDS) throw overLimit('struct fields', MAX_TYPE_FIELDS);
    }
    this.#types.set(id, wire);
  }

  #find(id: number): WireType | undefined {
    return this.#types.get(id) ?? bootstrapTypes.get(id);
  }

  #once<T>(cache: Map<number, Pending<T>>, id: number, build: () => Decode<T>): Decode<T> {
    const known = cache.get(id);
    // While it is being built, the call goes through `known` when the value is read.
    if (known !== undefined) return known.decode;
    const pending: Pending<T> = { decode: (input) => pending.decode(input) };
    cache.set(id, pending);
    try {
      pending.decode = this.#nested(build);
    } catch (error) {
      cache.delete(id);
      // Others that were built meanwhile may refer to this one.
      pending.decode = () => {
        throw error;
      };
      throw error;
    }
    return pending.decode;
  }

  #nested<T>(build: () => T): T {
    if (this.#depth >= MAX_DEPTH) throw overLimit('nesting of types', MAX_DEPTH);
    this.#depth++;
    try {
      return build();
    } finally {
      this.#depth--;
    }
  }

  #unfinished(id: number): never {
    throw corrupt('a type is defined by itself alone', { id });
  }
}

/** Descriptions have the same types on all streams, so one decoder of them serves all. */
const bootstrap = new StreamTypes(() => {
  throw corrupt('a type description ends too early');
});
const readDescription = bootstrap.compile(BootstrapId.wireType, wireTypeSchema);
