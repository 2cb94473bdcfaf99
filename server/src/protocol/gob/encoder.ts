// Mirrors encoding/gob/encoder.go; layout in ./format.md.
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { overLimit } from './errors.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import type { Schema, TypeIds } from './schema.ts';
import { ValueWriter } from './value-writer.ts';
import { FIRST_OWN_ID, type WireType } from './wire-type.ts';
import { wireTypeSchema, wireTypeToValue } from './wire-schema.ts';

/** Larger scratch memory than this is not kept between values. */
const KEEP_SCRATCH_BYTES = 512 * 1024;

/** A message length is a number of at most nine bytes. */
const MAX_LENGTH_BYTES = 9;

/** A value to encode, with its schema. */
export type Encodable = readonly [schema: Schema<unknown>, value: unknown];

/**
 * Encodes the values of one direction of one stream. The first value of a type is preceded by its
 * description, so each encoder belongs to exactly one decoder on the other side.
 */
export class GobEncoder {
  readonly #types = new SentTypes();
  #scratch = new ValueWriter(this.#types);
  /** Memory that `release` gave back, for the next messages. */
  #spare: ByteWriter | undefined;

  /**
   * All messages for one value.
   * @throws `ERR_GOB_VALUE` for what gob does not send and `ERR_GOB_LIMIT` for what is too large or
   *   too deep; nothing is sent then, and the encoder goes on
   */
  encode<T>(schema: Schema<T>, value: T): Uint8Array<ArrayBuffer> {
    return this.encodeAll([[schema, value]]);
  }

  /** The same for values that follow each other: all of them or, with an error, none. */
  encodeAll(values: readonly Encodable[]): Uint8Array<ArrayBuffer> {
    const mark = this.#types.begin();
    try {
      const ends = values.map((each) => this.#append(each));
      return this.#assemble(ends);
    } catch (error) {
      this.#types.undo(mark);
      throw error;
    } finally {
      this.#scratch.reset();
      if (this.#scratch.bytes.capacity > KEEP_SCRATCH_BYTES) {
        this.#scratch = new ValueWriter(this.#types);
      }
    }
  }

  /**
   * Gives back the memory of messages that nobody reads any more. Without it each message takes new
   * memory, which is as good, but for a stream of large ones it piles up until it is collected.
   */
  release(messages: Uint8Array<ArrayBuffer>): void {
    if (messages.buffer.byteLength > KEEP_SCRATCH_BYTES) return;
    this.#spare ??= ByteWriter.over(messages.buffer);
  }

  /** Writes the content of one message; returns where it ends. */
  #append([schema, value]: Encodable): number {
    const out = this.#scratch;
    out.int(schema.typeId(this.#types));
    if (!schema.isStruct) out.uint(0);
    schema.encode(out, value);
    return out.bytes.length;
  }

  #assemble(ends: readonly number[]): Uint8Array<ArrayBuffer> {
    // All types are described in front, those inside interface values too. Go describes those in
    // the middle of the value; its decoder takes both.
    const definitions = this.#types.definitions();
    const contents = this.#scratch.bytes.borrow();
    const lengthBytes = ends.length * MAX_LENGTH_BYTES;
    const whole = this.#spare ?? new ByteWriter(0);
    this.#spare = undefined;
    whole.reserve(definitions.length + contents.length + lengthBytes);
    whole.raw(definitions);
    let start = 0;
    for (const end of ends) {
      appendMessage(whole, contents.subarray(start, end));
      start = end;
    }
    return whole.borrow();
  }
}

interface Mark {
  readonly schemas: number;
  readonly shapes: number;
  readonly nextId: number;
}

/** Ids by schema, and the descriptions that the other side does not have yet. */
class SentTypes implements TypeIds {
  readonly #ids = new Map<Schema<unknown>, number>();
  /** Types that look the same get one id: Go's decoder takes two ids for two types. */
  readonly #shapes = new Map<string, number>();
  readonly #inProgress = new Set<Schema<unknown>>();
  #pending: Array<{ id: number; wire: WireType }> = [];
  #nextId = FIRST_OWN_ID;

  begin(): Mark {
    this.#pending = [];
    return { schemas: this.#ids.size, shapes: this.#shapes.size, nextId: this.#nextId };
  }

  undo(mark: Mark): void {
    for (const schema of [...this.#ids.keys()].slice(mark.schemas)) this.#ids.delete(schema);
    for (const shape of [...this.#shapes.keys()].slice(mark.shapes)) this.#shapes.delete(shape);
    this.#inProgress.clear();
    this.#nextId = mark.nextId;
  }

  idOf(schema: Schema<unknown>, describe: () => WireType): number {
    const known = this.#ids.get(schema);
    if (known !== undefined) return known;
    // A type that contains itself needs its id before it is described.
    if (this.#inProgress.has(schema)) return this.#assign(schema);
    this.#inProgress.add(schema);
    const wire = describe();
    this.#inProgress.delete(schema);
    return this.#ids.has(schema) ? this.#send(this.#assign(schema), wire) : this.#add(schema, wire);
  }

  #add(schema: Schema<unknown>, wire: WireType): number {
    const shape = JSON.stringify(wire);
    const same = this.#shapes.get(shape);
    if (same !== undefined) {
      this.#ids.set(schema, same);
      return same;
    }
    const id = this.#assign(schema);
    this.#shapes.set(shape, id);
    return this.#send(id, wire);
  }

  #assign(schema: Schema<unknown>): number {
    const known = this.#ids.get(schema);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#ids.set(schema, id);
    return id;
  }

  #send(id: number, wire: WireType): number {
    this.#pending.push({ id, wire });
    return id;
  }

  definitions(): Uint8Array {
    const out = new ByteWriter();
    for (const { id, wire } of this.#pending) {
      const definition = new ValueWriter(this);
      definition.int(-id);
      wireTypeSchema.encode(definition, wireTypeToValue(id, wire));
      appendMessage(out, definition.bytes.borrow());
    }
    return out.borrow();
  }
}

function appendMessage(out: ByteWriter, message: Uint8Array): void {
  if (message.length > MAX_MESSAGE_BYTES) {
    throw overLimit('message in bytes', MAX_MESSAGE_BYTES, message.length);
  }
  const length = new ValueWriter(noTypes, out);
  length.uint(message.length);
  out.raw(message);
}

const noTypes: TypeIds = {
  idOf: () => {
    throw overLimit('types in a length', 0);
  },
};
