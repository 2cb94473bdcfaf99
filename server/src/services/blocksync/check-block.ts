import { CodedError, hasCode } from '../../base/errors.ts';
import { listTree, readSmallFile } from '../../filestore/file-store.ts';
import type { ByteSource, FileStore, PieceLifetime, TreeFile } from '../../filestore/file-store.ts';
import { BlockStreamCheck, INDEX_TAIL_BYTES } from '../../tsdb/index.ts';
import type { FileCheck } from '../../tsdb/index.ts';

/** A folder of a store that holds one block. */
export interface BlockPlace {
  readonly store: FileStore;
  readonly dir: string;
}

/** What errors say of a block whose bytes are not what they were when it was written. */
const DAMAGED = 'ERR_BLOCK_DAMAGED';

export function isDamage(error: unknown): boolean {
  return hasCode(error, DAMAGED);
}

/**
 * Reads the files of one block and checks them on the way; see {@link BlockStreamCheck}. Damage is
 * `ERR_BLOCK_DAMAGED`, and so is a file that the disk does not give; what else the store says stays as
 * it is.
 */
export class CheckedBlock {
  readonly #place: BlockPlace;
  readonly #ulid: string;
  readonly #check: BlockStreamCheck;
  #filesLeft: number;

  /**
   * @param place whose folder may have any name
   * @param fileCount how many files will be read: the last one ends the check of the whole
   */
  constructor(place: BlockPlace, ulid: string, fileCount: number) {
    this.#place = place;
    this.#ulid = ulid;
    this.#check = new BlockStreamCheck(ulid);
    this.#filesLeft = fileCount;
  }

  /** The bytes of a file. Where this was the last one, their end is that of a whole block. */
  async *read(file: TreeFile, pieces?: PieceLifetime): AsyncGenerator<Uint8Array> {
    const { store, dir } = this.#place;
    const { path, sizeBytes } = file;
    const check = await this.#checkOf(file);
    // A file that is missing ends differently from one of no bytes.
    const range = sizeBytes === 0 ? undefined : { start: 0, end: sizeBytes };
    for await (const piece of this.#readable(path, store.read(`${dir}/${path}`, range, pieces))) {
      this.#orDamage(path, () => check?.push(piece));
      yield piece;
    }
    this.#orDamage(path, () => check?.end());
    this.#filesLeft--;
    if (this.#filesLeft === 0) this.#orDamage(undefined, () => this.#check.finish());
  }

  async #checkOf(file: TreeFile): Promise<FileCheck | undefined> {
    const tail = file.path === 'index' ? await this.#tailOf(file) : undefined;
    return this.#orDamage(file.path, () => this.#check.file(file.path, file.sizeBytes, tail));
  }

  async #tailOf({ path, sizeBytes }: TreeFile): Promise<Uint8Array | undefined> {
    if (sizeBytes < INDEX_TAIL_BYTES) return undefined;
    const { store, dir } = this.#place;
    const range = { start: sizeBytes - INDEX_TAIL_BYTES, end: sizeBytes };
    try {
      return await readSmallFile(store, `${dir}/${path}`, INDEX_TAIL_BYTES, range);
    } catch (error) {
      throw this.#storeError(path, error);
    }
  }

  async *#readable(file: string, source: ByteSource): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      throw this.#storeError(file, error);
    }
  }

  #storeError(file: string, error: unknown): unknown {
    return hasCode(error, 'ERR_FILESTORE_UNREADABLE') ? this.#damage(file, error) : error;
  }

  #orDamage<T>(file: string | undefined, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw this.#damage(file, cause);
    }
  }

  #damage(file: string | undefined, cause: unknown): CodedError {
    return new CodedError(DAMAGED, 'a block is damaged', { ulid: this.#ulid, file }, cause);
  }
}

/** Reads all of a block; `ERR_BLOCK_DAMAGED` unless it is whole. */
export async function checkBlock(
  place: BlockPlace,
  ulid: string,
  signal: AbortSignal,
): Promise<void> {
  const files = await listTree(place.store, place.dir);
  const block = new CheckedBlock(place, ulid, files.length);
  for (const file of files) await drain(block.read(file, 'momentary'), signal);
}

/** Reads to the end for the sake of the check. */
export async function drain(source: ByteSource, signal: AbortSignal): Promise<void> {
  for await (const piece of source) {
    if (piece.length > 0) signal.throwIfAborted();
  }
}
