import { CodedError, hasCode } from '../../base/errors.ts';
import type { Bucket, BucketUpload } from '../../base/ports/bucket.ts';
import type { ByteSource } from '../file-store.ts';
import type { Retrier } from './retry.ts';

/** Of S3, for one object; other stores take more. */
const PARTS_MAX = 10_000;
/** Bytes that are being sent at a time, beside the part that is being filled. */
const IN_FLIGHT_BYTES_MAX = 16 * 1024 * 1024;
const IN_FLIGHT_MAX = 3;
const FIRST_BUFFER_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

export interface UploadOptions {
  readonly bucket: Bucket;
  readonly key: string;
  readonly partSizeBytes: number;
  readonly retrier: Retrier;
}

/**
 * Stores all of `source` as one object, which appears when it is complete: in one request when it
 * fits into a part, else in parts. At most four parts are in memory.
 *
 * @returns its size in bytes
 */
export async function uploadObject(source: ByteSource, options: UploadOptions): Promise<number> {
  const { bucket, key, partSizeBytes, retrier } = options;
  const part = new PartBuffer(partSizeBytes);
  const parts = new Parts(options);
  try {
    for await (const piece of source) {
      let offset = 0;
      while (offset < piece.length) {
        // A full part waits for the next byte, so that the last part is not empty.
        if (part.isFull) await parts.send(part);
        offset += part.fill(piece.subarray(offset));
      }
    }
    if (parts.isEmpty) {
      const bytes = part.take();
      await retrier.run(() => bucket.put(key, bytes));
      return bytes.length;
    }
    await parts.send(part);
    return await parts.complete();
  } catch (error) {
    await parts.abandon(error);
    throw error;
  }
}

/** A part while it grows, so that a small file does not take the memory of a whole part. */
class PartBuffer {
  readonly #sizeMax: number;
  readonly #free: Uint8Array[] = [];
  #bytes: Uint8Array = new Uint8Array(FIRST_BUFFER_BYTES);
  #filled = 0;
  #isFirst = true;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get isFull(): boolean {
    return this.#filled === this.#sizeMax;
  }

  /** Takes as much of `piece` as there is room for. */
  fill(piece: Uint8Array): number {
    const count = Math.min(piece.length, this.#sizeMax - this.#filled);
    this.#grow(this.#filled + count);
    this.#bytes.set(piece.subarray(0, count), this.#filled);
    this.#filled += count;
    return count;
  }

  /** Hands over what there is; it begins anew with other memory. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#filled);
    this.#bytes = this.#free.pop() ?? NOTHING;
    this.#isFirst = false;
    this.#filled = 0;
    return taken;
  }

  /** Memory of {@link take} that nobody reads any more. */
  giveBack(taken: Uint8Array): void {
    if (taken.length === this.#sizeMax) this.#free.push(taken);
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    // What follows a whole part is likely to become one too.
    const wanted = this.#isFirst ? Math.max(needed, this.#bytes.length * 2) : this.#sizeMax;
    const size = Math.min(wanted, this.#sizeMax);
    const larger = new Uint8Array(size);
    larger.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = larger;
  }
}

/** The parts of one object on their way, a few at a time. */
class Parts {
  readonly #options: UploadOptions;
  readonly #inFlightMax: number;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #tags: string[] = [];
  readonly #stop = new AbortController();
  #upload: BucketUpload | undefined;
  #tagBefore: string | undefined;
  #failure: { readonly reason: unknown } | undefined;
  #count = 0;
  #sizeBytes = 0;

  constructor(options: UploadOptions) {
    this.#options = options;
    const fitting = Math.floor(IN_FLIGHT_BYTES_MAX / options.partSizeBytes);
    this.#inFlightMax = Math.min(Math.max(fitting, 1), IN_FLIGHT_MAX);
  }

  get isEmpty(): boolean {
    return this.#upload === undefined;
  }

  /** Resolves when the part is on its way and there is room for another. */
  async send(part: PartBuffer): Promise<void> {
    const upload = (this.#upload ??= await this.#start());
    const partNumber = ++this.#count;
    if (partNumber > PARTS_MAX) throw this.#tooLarge();
    const bytes = part.take();
    this.#sizeBytes += bytes.length;
    const sent = this.#put(upload, partNumber, bytes).then(
      () => part.giveBack(bytes),
      (error: unknown) => {
        this.#failure ??= { reason: error };
        this.#stop.abort(error);
      },
    );
    const settled = sent.then(() => void this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
    if (this.#inFlight.size >= this.#inFlightMax) await Promise.race(this.#inFlight);
    this.#throwIfFailed();
  }

  async complete(): Promise<number> {
    await Promise.all(this.#inFlight);
    this.#throwIfFailed();
    const upload = this.#upload;
    if (upload === undefined) throw new CodedError('ERR_INTERNAL', 'an upload without parts');
    const { bucket, retrier } = this.#options;
    try {
      await retrier.run(() => bucket.completeUpload(upload, this.#tags));
    } catch (error) {
      if (!(await this.#isStoredAlready(error))) throw error;
    }
    return this.#sizeBytes;
  }

  /** Frees what the store keeps of an object that will not be completed, as far as it lets us. */
  async abandon(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    await Promise.all(this.#inFlight);
    const upload = this.#upload;
    if (upload === undefined) return;
    const { bucket, retrier } = this.#options;
    // The reason is what counts; what stays behind is removed by a later upload.
    await retrier.run(() => bucket.abortUpload(upload)).catch(() => undefined);
  }

  async #start(): Promise<BucketUpload> {
    const { bucket, key, retrier } = this.#options;
    this.#tagBefore = (await retrier.run(() => bucket.head(key)))?.tag;
    const id = await retrier.run(() => bucket.startUpload(key));
    return { key, id };
  }

  async #put(upload: BucketUpload, partNumber: number, bytes: Uint8Array): Promise<void> {
    const { bucket, retrier } = this.#options;
    const request = (): Promise<string> => bucket.putPart(upload, partNumber, bytes);
    this.#tags[partNumber - 1] = await retrier.run(request, this.#stop.signal);
  }

  /**
   * When the answer to the completion was lost, the next try finds no upload any more. The object is
   * ours if it is another one than before and has our size.
   */
  async #isStoredAlready(error: unknown): Promise<boolean> {
    if (!hasCode(error, 'ERR_FILESTORE_UPLOAD_LOST')) return false;
    const { bucket, key, retrier } = this.#options;
    const found = await retrier.run(() => bucket.head(key));
    return found?.sizeBytes === this.#sizeBytes && found.tag !== this.#tagBefore;
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  #tooLarge(): CodedError {
    const { partSizeBytes } = this.#options;
    return new CodedError(
      'ERR_FILESTORE_TOO_LARGE',
      'the file has more parts than the store takes (AmazonS3UploadPartSizeBytes is their size on S3)',
      { expected: `at most ${PARTS_MAX} parts of ${partSizeBytes} bytes` },
    );
  }
}
