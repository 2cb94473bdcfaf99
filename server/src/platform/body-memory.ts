import { CodedError } from '../base/errors.ts';
import { freeBytes } from './gunzip.ts';

const FIRST_BYTES = 64 * 1024;
/** Buffers kept for the next bodies: few, and none that one huge answer has left behind. */
const KEPT_COUNT = 8;
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/** Bodies up to this size find memory when large ones have all of theirs: half as much again. */
const SMALL_BYTES = 4 * 1024 * 1024;
const SMALL_PART = 1 / 2;

/**
 * The memory for HTTP bodies that are being received or processed. When all of it is in use, the
 * largest body that is still being received has to go. Those that are being processed can't, so what
 * small ones may have on top is never in the hands of large ones: a flood of these costs small ones
 * nothing.
 */
export class BodyMemory {
  /** For large bodies together, and so the most of one. */
  readonly limitBytes: number;
  readonly #open = new Set<BodyBuffer>();
  readonly #kept: Buffer[] = [];
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes held by open buffers. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * @param bodyLimitBytes most bytes of the body, 0 for no limit but that of the memory
   * @param onEvict called when this body has to go; it must then be closed
   */
  open(bodyLimitBytes: number, onEvict: (error: CodedError) => void): BodyBuffer {
    const limitBytes = Math.min(bodyLimitBytes || Infinity, this.limitBytes);
    const buffer = new BodyBuffer(this, limitBytes, onEvict);
    this.#open.add(buffer);
    return buffer;
  }

  /** For `BodyBuffer` alone: a larger piece of memory in place of `old`. */
  exchange(owner: BodyBuffer, old: Buffer, wantedBytes: number): Buffer {
    const kept = old.length === 0 ? this.#takeKept(wantedBytes) : undefined;
    let sizeBytes = kept?.length ?? FIRST_BYTES;
    while (sizeBytes < wantedBytes) sizeBytes *= 2;
    if (kept === undefined) sizeBytes = Math.min(sizeBytes, owner.limitBytes);
    this.makeRoom(owner, sizeBytes - old.length, sizeBytes);
    return kept ?? Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** For `BodyBuffer` alone: counts so many more bytes for `owner`, which then has `ownBytes`. */
  makeRoom(owner: BodyBuffer, sizeBytes: number, ownBytes: number): void {
    const isSmall = ownBytes <= SMALL_BYTES;
    const limitBytes = this.limitBytes * (isSmall ? 1 + SMALL_PART : 1);
    while (this.#heldBytes + sizeBytes > limitBytes) {
      const largest = this.#largest();
      const error = memoryError(limitBytes);
      if (largest === owner || largest === undefined) throw error;
      largest.evict(error);
    }
    this.#heldBytes += sizeBytes;
  }

  /** A buffer of an earlier body, if it is large enough and memory is not getting short. */
  #takeKept(wantedBytes: number): Buffer | undefined {
    const kept = this.#kept.at(-1);
    if (kept === undefined || kept.length < wantedBytes) return undefined;
    return this.#heldBytes + kept.length <= this.limitBytes / 2 ? this.#kept.pop() : undefined;
  }

  /** For `BodyBuffer` alone. */
  close(owner: BodyBuffer, memory: Buffer, isAdopted: boolean): void {
    if (!this.#open.delete(owner)) return;
    this.#heldBytes -= memory.length;
    if (isAdopted) {
      freeBytes(memory);
      return;
    }
    const isWorthKeeping = memory.length > 0 && memory.length <= KEPT_BYTES_MAX;
    if (isWorthKeeping && this.#kept.length < KEPT_COUNT) this.#kept.push(memory);
  }

  #largest(): BodyBuffer | undefined {
    let largest: BodyBuffer | undefined;
    for (const buffer of this.#open) {
      if (buffer.canEvict && buffer.length > (largest?.length ?? -1)) largest = buffer;
    }
    return largest;
  }
}

/** One growing body. */
export class BodyBuffer {
  readonly limitBytes: number;
  readonly #memory: BodyMemory;
  readonly #onEvict: (error: CodedError) => void;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #isReceiving = true;
  #isAdopted = false;

  constructor(memory: BodyMemory, limitBytes: number, onEvict: (error: CodedError) => void) {
    this.#memory = memory;
    this.limitBytes = limitBytes;
    this.#onEvict = onEvict;
  }

  /** Bytes received. */
  get length(): number {
    return this.#length;
  }

  /** A body that has been received whole is being read by somebody: it stays. */
  get canEvict(): boolean {
    return this.#isReceiving;
  }

  /** Throws `ERR_HTTP_BODY_LIMIT` when the body gets too large. */
  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.limitBytes) throw this.#tooLarge();
    if (length > this.#bytes.length) {
      const larger = this.#memory.exchange(this, this.#bytes, length);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  /** Takes bytes that `gunzipSmall` has made as the whole body; they are freed with it. */
  adopt(bytes: Buffer): void {
    if (bytes.length > this.limitBytes) throw this.#tooLarge();
    this.#memory.makeRoom(this, bytes.length - this.#bytes.length, bytes.length);
    this.#bytes = bytes;
    this.#length = bytes.length;
    this.#isAdopted = true;
  }

  /** What was received so far, void with the next call of `append` or `close`. */
  received(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The body received whole. */
  finish(): Uint8Array {
    this.#isReceiving = false;
    return this.received();
  }

  evict(error: CodedError): void {
    this.close();
    this.#onEvict(error);
  }

  /** Gives the memory back; fine to call twice. */
  close(): void {
    this.#memory.close(this, this.#bytes, this.#isAdopted);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
  }

  #tooLarge(): CodedError {
    const { limitBytes } = this;
    const message =
      limitBytes < this.#memory.limitBytes
        ? `body is larger than the limit of ${limitBytes} bytes`
        : `body is larger than ${limitBytes} bytes, the most that is taken, whatever BodySizeLimitBytes says`;
    return new CodedError('ERR_HTTP_BODY_LIMIT', message, { limitBytes });
  }
}

function memoryError(limitBytes: number): CodedError {
  const message = `body is the largest of several that do not fit into ${limitBytes} bytes`;
  return new CodedError('ERR_HTTP_BODY_LIMIT', message, { limitBytes });
}
