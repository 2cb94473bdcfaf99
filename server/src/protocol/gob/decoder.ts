// Mirrors encoding/gob/decoder.go; layout in ./format.md.
import { CodedError, hasCode } from '../../base/errors.ts';
import { corrupt, overLimit } from './errors.ts';
import { readSingleMark } from './interface.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import type { Decode, Schema } from './schema.ts';
import { ValueReader } from './value-reader.ts';
import { StreamTypes } from './wire-types.ts';

/** A larger buffer than this is given up as soon as it is empty. */
const KEEP_BUFFER_BYTES = 256 * 1024;

/** Thrown inside this file alone: the value is not here as a whole. */
class NeedMore extends Error {}

export interface GobDecoderOptions {
  /** Largest message taken, if less than {@link MAX_MESSAGE_BYTES}. */
  readonly maxMessageBytes?: number;
}

/** A value with the schema that its sender described. */
export interface DescribedValue {
  readonly schema: Schema<unknown>;
  readonly value: unknown;
}

/**
 * Decodes the values of one direction of one stream, in any split of its bytes. When a value does
 * not fit its schema (`ERR_GOB_TYPE`), it is dropped and the next call goes on after it. After any
 * other error the place in the stream is lost, and every further call throws the same error.
 */
export class GobDecoder {
  readonly #types = new StreamTypes((input) => this.#openMessage(input));
  readonly #input = new ValueReader();
  readonly #maxMessageBytes: number;
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Where the next message begins, while a value is read. */
  #next = 0;
  /** Bytes from `#start` that must be here before another try makes sense. */
  #neededBytes = 1;
  #failure: Error | undefined;

  constructor(options: GobDecoderOptions = {}) {
    this.#maxMessageBytes = Math.min(
      options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
      MAX_MESSAGE_BYTES,
    );
  }

  /** Bytes fed and not consumed yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /** Appends bytes of the stream; they are copied. */
  feed(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next value, or undefined when more bytes are needed. */
  decode<T>(schema: Schema<T>): { value: T } | undefined {
    return this.#attempt((id) => {
      const read = this.#types.compile(id, schema);
      if (!this.#types.isStruct(id)) readSingleMark(this.#input);
      return { value: read(this.#input) };
    });
  }

  /** The next value whatever its type is, as the sender describes it. */
  decodeAny(): DescribedValue | undefined {
    return this.#attempt((id) => {
      const schema = this.#types.derive(id);
      const read: Decode<unknown> = this.#types.compile(id, schema);
      if (!schema.isStruct) readSingleMark(this.#input);
      return { schema, value: read(this.#input) };
    });
  }

  /** Drops the next value whatever it is; false when more bytes are needed. */
  skip(): boolean {
    return this.#attempt((id) => this.#skipValue(id)) ?? false;
  }

  #skipValue(id: number): true {
    if (!this.#types.isStruct(id)) readSingleMark(this.#input);
    this.#types.skipper(id)(this.#input);
    return true;
  }

  #attempt<R>(read: (id: number) => R): R | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.bufferedBytes < this.#neededBytes) return undefined;
    const knownTypes = { count: this.#types.count };
    try {
      const id = this.#readTypeId(knownTypes);
      return this.#readValue(id, read);
    } catch (error) {
      // Definitions inside the value will come again with it.
      if (!(error instanceof NeedMore)) throw this.#fail(error);
      this.#types.forgetAfter(knownTypes.count);
      return undefined;
    }
  }

  /** Takes the type definitions in front of a value for good, and opens its first message. */
  #readTypeId(knownTypes: { count: number }): number {
    for (;;) {
      this.#next = this.#start;
      this.#input.startValue();
      this.#openMessage(this.#input);
      const id = this.#input.int();
      if (id >= 0) return id;
      this.#types.define(-id, this.#input);
      this.#finishMessage();
      knownTypes.count = this.#types.count;
    }
  }

  #readValue<R>(id: number, read: (id: number) => R): R {
    const typeCount = this.#types.count;
    try {
      const result = read(id);
      this.#finishMessage();
      return result;
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'ERR_GOB_TYPE') throw error;
      // Reads the value again from its start, only to pass over it.
      this.#types.forgetAfter(typeCount);
      this.#next = this.#start;
      this.#input.startValue();
      this.#openMessage(this.#input);
      this.#input.int();
      this.#skipValue(id);
      this.#finishMessage();
      throw new Mismatch(error);
    }
  }

  /** Puts the message at `#next` into the reader, or throws `NeedMore`. */
  #openMessage(input: ValueReader): void {
    const length = this.#readLength();
    const end = length.end + length.value;
    if (end > this.#end) throw this.#needUpTo(end);
    input.open(this.#buffer, length.end, end);
    this.#next = end;
  }

  #readLength(): { value: number; end: number } {
    const at = this.#next;
    if (at >= this.#end) throw this.#needUpTo(at + 1);
    const first = this.#buffer[at];
    if (first < 128) return { value: first, end: at + 1 };
    const count = 256 - first;
    if (count > 8) throw corrupt('a message length has more than eight bytes');
    const end = at + 1 + count;
    if (end > this.#end) throw this.#needUpTo(end);
    let value = 0;
    for (let i = at + 1; i < end; i++) value = value * 256 + this.#buffer[i];
    if (value > this.#maxMessageBytes) {
      throw overLimit('message in bytes', this.#maxMessageBytes, value);
    }
    return { value, end };
  }

  #needUpTo(end: number): NeedMore {
    this.#neededBytes = end - this.#start;
    return new NeedMore();
  }

  #finishMessage(): void {
    const { remaining, offset } = this.#input;
    if (remaining > 0) throw corrupt('a message goes on after its value', { offset, remaining });
    this.#start = this.#next;
    this.#neededBytes = 1;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    if (this.#buffer.length > KEEP_BUFFER_BYTES) this.#buffer = new Uint8Array(0);
  }

  #fail(error: unknown): Error {
    if (error instanceof Mismatch) return error.reason;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    if (hasCode(error, 'ERR_SHORT_READ')) {
      this.#failure = corrupt('a value is longer than its message', {}, error);
    }
    // Nothing of the buffer will be read again.
    this.#buffer = new Uint8Array(0);
    this.#start = 0;
    this.#end = 0;
    return this.#failure;
  }

  #makeRoom(sizeBytes: number): void {
    const used = this.#end - this.#start;
    // Moving the rest down is cheap while it is small; else the memory is doubled.
    const target =
      (used + sizeBytes) * 2 <= this.#buffer.length
        ? this.#buffer
        : new Uint8Array(Math.max(512, (used + sizeBytes) * 2));
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = target;
    this.#start = 0;
    this.#end = used;
  }
}

/** A value that did not fit and was passed over: the only error that leaves the stream usable. */
class Mismatch extends Error {
  readonly reason: CodedError;

  constructor(reason: CodedError) {
    super(reason.message);
    this.reason = reason;
  }
}
