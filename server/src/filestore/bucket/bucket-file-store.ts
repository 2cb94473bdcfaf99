import type { Clock } from '../../base/clock.ts';
import { CodedError, assert, codeOf, hasCode } from '../../base/errors.ts';
import type { Bucket, StartedUpload } from '../../base/ports/bucket.ts';
import { mapLimited } from '../../base/sync/map-limited.ts';
import { checkStorePath } from '../file-store.ts';
import type {
  ByteRange,
  ByteSource,
  FileStore,
  PieceLifetime,
  StoreEntry,
  StoreFileStat,
} from '../file-store.ts';
import { readObject } from './resumed-read.ts';
import { Retrier, isPassing } from './retry.ts';
import { uploadObject } from './upload.ts';

/** No upload of ours takes this long; anything older belongs to a process that is gone. */
const UPLOAD_AGE_MAX_MS = 24 * 60 * 60 * 1000;
/** Of S3, for one request. */
const REMOVE_BATCH_MAX = 1000;
/**
 * What keeps a batch from being removed keeps single objects too. Any other failure may be the store's
 * way to say that it knows no batches, for which each has words of its own.
 */
const ALIKE_FOR_ONE: ReadonlySet<string> = new Set([
  'ERR_FILESTORE_BUCKET',
  'ERR_FILESTORE_CLOCK',
  'ERR_FILESTORE_CREDENTIALS',
  'ERR_FILESTORE_DENIED',
  'ERR_FILESTORE_TLS',
]);
/** Where objects are removed one by one. */
const REMOVALS_AT_ONCE = 8;
/** A listing that is longer than all blocks and dumps together is an endless one. */
const LIST_PAGES_MAX = 1000;

export interface BucketFileStoreOptions {
  readonly bucket: Bucket;
  /** What people call it, such as `S3 bucket files at s3.amazonaws.com`. */
  readonly description: string;
  /** '' or with a slash at its end; all keys begin with it. */
  readonly prefix: string;
  readonly partSizeBytes: number;
  readonly clock: Clock;
  /** Before the first repetition of a request; the default is what S3 recommends. */
  readonly retryFirstMs?: number;
  /** Told of each request that was not answered in time; it is made again meanwhile. */
  readonly onTimeout?: (error: unknown) => void;
}

/**
 * The drivers `amazons3` and `azureblob`: a bucket, or a container. Objects appear when they are
 * complete, by the nature of these stores; folders are what keys have in common.
 */
export class BucketFileStore implements FileStore {
  readonly description: string;
  readonly #bucket: Bucket;
  readonly #prefix: string;
  readonly #partSizeBytes: number;
  readonly #clock: Clock;
  readonly #retrier: Retrier;
  #takesBatches = true;

  constructor(options: BucketFileStoreOptions) {
    assert(options.prefix === '' || options.prefix.endsWith('/'), 'a prefix ends with a slash');
    this.description = options.description;
    this.#bucket = options.bucket;
    this.#prefix = options.prefix;
    this.#partSizeBytes = options.partSizeBytes;
    this.#clock = options.clock;
    this.#retrier = new Retrier(options.clock, options.retryFirstMs, options.onTimeout);
  }

  async list(dir: string): Promise<StoreEntry[]> {
    const prefix = `${this.#keyOf(dir)}/`;
    const entries: StoreEntry[] = [];
    await attempt('list', dir, async () => {
      for await (const page of this.#pages(prefix, true)) {
        for (const { key, sizeBytes, modifiedMs } of page.objects) {
          const name = key.slice(prefix.length);
          const stat = sizeBytes === undefined ? {} : { stat: { sizeBytes, modifiedMs } };
          if (isName(name)) entries.push({ name, isDirectory: false, ...stat });
        }
        for (const folder of page.folders) {
          const name = folder.slice(prefix.length, -1);
          if (isName(name)) entries.push({ name, isDirectory: true });
        }
      }
    });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async stat(path: string): Promise<StoreFileStat | undefined> {
    const key = this.#keyOf(path);
    const found = await attempt('look up', path, () =>
      this.#retrier.run(() => this.#bucket.head(key)),
    );
    if (found === undefined) return undefined;
    return { sizeBytes: found.sizeBytes, modifiedMs: found.modifiedMs };
  }

  read(path: string, range?: ByteRange, pieces: PieceLifetime = 'kept'): ByteSource {
    return this.#read(this.#keyOf(path), path, range, pieces);
  }

  async write(path: string, source: ByteSource): Promise<number> {
    const key = this.#keyOf(path);
    const guarded = new GuardedSource(source);
    try {
      return await uploadObject(guarded.pieces(), {
        bucket: this.#bucket,
        key,
        partSizeBytes: this.#partSizeBytes,
        retrier: this.#retrier,
      });
    } catch (error) {
      // The source's own errors pass through unchanged: they are not the store's fault.
      throw guarded.hasFailed ? error : storeError(error, 'store', path);
    }
  }

  async remove(path: string): Promise<void> {
    const key = this.#keyOf(path);
    await attempt('remove', path, () => this.#retrier.run(() => this.#bucket.remove(key)));
  }

  async removeTree(dir: string): Promise<void> {
    const prefix = `${this.#keyOf(dir)}/`;
    await attempt('remove', dir, async () => {
      const keys: string[] = [];
      for await (const { objects } of this.#pages(prefix, false)) {
        for (const { key } of objects) keys.push(key);
      }
      for (let i = 0; i < keys.length; i += REMOVE_BATCH_MAX) {
        await this.#removeBatch(keys.slice(i, i + REMOVE_BATCH_MAX));
      }
    });
  }

  /** Parts that a killed process had sent are invisible, but not free of charge. */
  async removeLeftovers(dir: string): Promise<void> {
    const oldestMs = this.#clock.nowMs() - UPLOAD_AGE_MAX_MS;
    const prefix = `${this.#keyOf(dir)}/`;
    await attempt('clean up', dir, async () => {
      for (const upload of await this.#startedUploads(prefix)) {
        if (upload.startedMs > oldestMs || !upload.key.startsWith(prefix)) continue;
        await this.#retrier.run(() => this.#bucket.abortUpload(upload));
      }
    });
  }

  /** Some stores or permissions can't list them; then the bucket's own rules have to remove them. */
  async #startedUploads(prefix: string): Promise<readonly StartedUpload[]> {
    try {
      return await this.#retrier.run(() => this.#bucket.listUploads(prefix));
    } catch (error) {
      if (isPassing(error)) throw error;
      return [];
    }
  }

  #keyOf(path: string): string {
    checkStorePath(path);
    return this.#prefix + path;
  }

  async *#read(
    key: string,
    path: string,
    range: ByteRange | undefined,
    pieces: PieceLifetime,
  ): AsyncGenerator<Uint8Array> {
    try {
      if (range !== undefined && range.start === range.end) {
        const found = await this.#retrier.run(() => this.#bucket.head(key));
        if (found !== undefined) return;
        throw new CodedError('ERR_FILESTORE_NOT_FOUND', 'there is no such object');
      }
      yield* readObject(this.#bucket, key, range, this.#retrier, pieces);
    } catch (error) {
      throw storeError(error, 'read', path);
    }
  }

  async *#pages(prefix: string, folders: boolean) {
    let from: string | undefined;
    for (let count = 0; count < LIST_PAGES_MAX; count++) {
      const page = await this.#retrier.run(() => this.#bucket.list(prefix, { folders, from }));
      // A key from elsewhere would be removed with the folder: what the store says is not trusted.
      yield {
        objects: page.objects.filter(({ key }) => key.startsWith(prefix)),
        folders: page.folders.filter((folder) => folder.startsWith(prefix)),
      };
      if (page.next === undefined) return;
      from = page.next;
    }
    throw new CodedError('ERR_FILESTORE_TOO_LARGE', 'the listing of a folder does not end');
  }

  async #removeBatch(keys: readonly string[]): Promise<void> {
    let isRefused = false;
    if (keys.length > 1 && this.#takesBatches) {
      try {
        await this.#retrier.run(() => this.#bucket.removeMany(keys));
        return;
      } catch (error) {
        if (ALIKE_FOR_ONE.has(codeOf(error) ?? '')) throw error;
        isRefused = !hasCode(error, 'ERR_FILESTORE_BUSY');
      }
    }
    for (const alike of deepestFirst(keys)) {
      await mapLimited(alike, REMOVALS_AT_ONCE, (key) =>
        this.#retrier.run(() => this.#bucket.remove(key)),
      );
    }
    if (isRefused) this.#takesBatches = false;
  }
}

/**
 * The keys by their depth. Azure lists the folders of an account with a hierarchical namespace among the
 * objects, and removes one when nothing is left in it.
 */
function deepestFirst(keys: readonly string[]): (readonly string[])[] {
  const byDepth = Map.groupBy(keys, (key) => key.split('/').length);
  return [...byDepth].sort(([a], [b]) => b - a).map(([, alike]) => alike);
}

/** Remembers whether it was the source that failed. */
class GuardedSource {
  readonly #source: ByteSource;
  hasFailed = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    // Whoever stops reading is not a failure: only what the source itself throws is.
    const iterator = this.#source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#pull(iterator);
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  async #pull(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await iterator.next();
    } catch (error) {
      this.hasFailed = true;
      throw error;
    }
  }
}

/** Names that we could not ask for are not ours; the marker of a folder has an empty one. */
function isName(name: string): boolean {
  try {
    checkStorePath(name);
    return true;
  } catch {
    return false;
  }
}

async function attempt<T>(verb: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storeError(error, verb, path);
  }
}

function storeError(error: unknown, verb: string, path: string): CodedError {
  const code = error instanceof CodedError ? error.code : 'ERR_FILESTORE';
  return new CodedError(code, `the file store could not ${verb} a file`, { path }, error);
}
