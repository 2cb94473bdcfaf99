import { CodedError, assert, codeOf } from '../base/errors.ts';
import { makeDirDurably, parentOf, renameDurably } from '../base/ports/fs.ts';
import type { File, Fs } from '../base/ports/fs.ts';
import { randomHex } from '../base/random.ts';
import { checkStorePath } from './file-store.ts';
import type {
  ByteRange,
  ByteSource,
  FileStore,
  PieceLifetime,
  StoreEntry,
  StoreFileStat,
} from './file-store.ts';

/** Large enough that a download is not bound by round trips, small enough to hold a few. */
const READ_PIECE_BYTES = 512 * 1024;

const SPARES_MAX = 2;

/**
 * Files that are being written have this in their name, in the folder of their target so that the
 * rename stays on one disk. They are never listed.
 */
const TEMPORARY_MARK = '.tmp-';
/** No write of ours takes this long; anything older belongs to a process that is gone. */
const TEMPORARY_AGE_MAX_MS = 24 * 60 * 60 * 1000;

const CODES: Readonly<Record<string, string>> = {
  ERR_FS_NOT_FOUND: 'ERR_FILESTORE_NOT_FOUND',
  ERR_FS_DENIED: 'ERR_FILESTORE_DENIED',
  ERR_FS_FULL: 'ERR_FILESTORE_FULL',
  ERR_FS_HANGING: 'ERR_FILESTORE_HANGING',
};
/** What of one file says nothing about the others. */
const READ_CODES: Readonly<Record<string, string>> = {
  ...CODES,
  ERR_FS_DENIED: 'ERR_FILESTORE_UNREADABLE',
  ERR_FS_IO: 'ERR_FILESTORE_UNREADABLE',
};

export interface LocalFileStoreOptions {
  readonly fs: Fs;
  /** The root folder; made at the first write. */
  readonly root: string;
  /** Current time, Unix milliseconds, for the age of leftovers. */
  readonly nowMs: () => number;
}

/**
 * The driver `local`: a folder on this machine or on a network mount. It writes what the server's own
 * driver would (folders 0750, files 0600), but never a half-written file.
 */
export class LocalFileStore implements FileStore {
  readonly #fs: Fs;
  readonly #root: string;
  readonly #nowMs: () => number;
  /** Buffers of momentary pieces that no read uses just now. */
  readonly #spares: Uint8Array[] = [];

  constructor(options: LocalFileStoreOptions) {
    assert(options.root !== '', 'the root of a local file store is named');
    this.#fs = options.fs;
    this.#root = trimSlashes(options.root);
    this.#nowMs = options.nowMs;
  }

  get description(): string {
    return `local folder ${this.#root}`;
  }

  async list(dir: string): Promise<StoreEntry[]> {
    const folder = this.#locate(dir);
    try {
      const entries = await this.#fs.list(folder);
      return entries.filter((entry) => !isTemporary(entry.name));
    } catch (error) {
      if (codeOf(error) === 'ERR_FS_NOT_FOUND') return [];
      throw storeError(error, 'list', dir);
    }
  }

  async stat(path: string): Promise<StoreFileStat | undefined> {
    const file = this.#locate(path);
    try {
      const stat = await this.#fs.stat(file);
      if (stat === undefined || stat.isDirectory) return undefined;
      return { sizeBytes: stat.sizeBytes, modifiedMs: stat.modifiedMs };
    } catch (error) {
      throw storeError(error, 'look up', path);
    }
  }

  read(path: string, range?: ByteRange, pieces: PieceLifetime = 'kept'): ByteSource {
    const file = this.#locate(path);
    return readPieces(this.#fs, file, path, this.#memoryFor(pieces), range);
  }

  async write(path: string, source: ByteSource): Promise<number> {
    const target = this.#locate(path);
    const parent = parentOf(target);
    const temporary = `${temporaryPrefix(target)}${randomHex(8)}`;
    try {
      if ((await this.#fs.stat(parent)) === undefined) await makeDirDurably(this.#fs, parent);
    } catch (error) {
      throw storeError(error, 'prepare the folder of', path);
    }
    try {
      const sizeBytes = await this.#writeWhole(temporary, path, source);
      await this.#attempt('store', path, () => renameDurably(this.#fs, temporary, target));
      return sizeBytes;
    } catch (error) {
      await this.#fs.remove(temporary).catch(() => undefined);
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    const file = this.#locate(path);
    await this.#attempt('remove', path, () => this.#fs.remove(file));
  }

  async removeTree(dir: string): Promise<void> {
    const folder = this.#locate(dir);
    await this.#attempt('remove', dir, () => this.#fs.removeTree(folder));
  }

  removeLeftovers(dir: string): Promise<void> {
    const folder = this.#locate(dir);
    return this.#attempt('clean up', dir, () => this.#removeLeftovers(folder));
  }

  async #removeLeftovers(folder: string): Promise<void> {
    if ((await this.#fs.stat(folder)) === undefined) return;
    for (const { name, isDirectory } of await this.#fs.list(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await this.#removeLeftovers(path);
      if (isDirectory || !isTemporary(name)) continue;
      const stat = await this.#fs.stat(path);
      const ageMs = stat === undefined ? 0 : this.#nowMs() - stat.modifiedMs;
      if (ageMs > TEMPORARY_AGE_MAX_MS) await this.#fs.remove(path);
    }
  }

  #memoryFor(pieces: PieceLifetime): PieceMemory {
    if (pieces === 'momentary') return oneAgain(this.#spares);
    return pieces === 'borrowed' ? takeTurns() : freshMemory;
  }

  localPath(path: string): string {
    return this.#locate(path);
  }

  async freeBytes(): Promise<number> {
    // The folder may not be there before the first write; its disk is that of the nearest one above.
    for (let dir = this.#root; ; dir = parentOf(dir)) {
      if ((await this.#fs.stat(dir)) === undefined && dir !== parentOf(dir)) continue;
      return this.#attempt('measure', dir, () => this.#fs.freeBytes(dir));
    }
  }

  #locate(path: string): string {
    checkStorePath(path);
    return `${this.#root}/${path}`;
  }

  async #writeWhole(temporary: string, path: string, source: ByteSource): Promise<number> {
    const file = await this.#attempt('write', path, () => this.#fs.open(temporary, 'new'));
    let sizeBytes = 0;
    try {
      // The source's own errors pass through unchanged: they are not the store's fault.
      for await (const piece of source) {
        await this.#attempt('write', path, () => file.write(piece));
        sizeBytes += piece.length;
      }
      await this.#attempt('write', path, () => file.sync());
    } finally {
      await file.close();
    }
    return sizeBytes;
  }

  async #attempt<T>(verb: string, path: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw storeError(error, verb, path);
    }
  }
}

async function* readPieces(
  fs: Fs,
  file: string,
  path: string,
  memory: PieceMemory,
  range: ByteRange | undefined,
): AsyncGenerator<Uint8Array> {
  let opened: File;
  try {
    opened = await fs.open(file, 'read');
  } catch (error) {
    throw storeError(error, 'read', path, READ_CODES);
  }
  try {
    let offset = range?.start ?? 0;
    const end = range?.end ?? (await opened.size());
    while (offset < end) {
      const piece = memory.next(Math.min(READ_PIECE_BYTES, end - offset));
      const count = await opened.read(piece, offset);
      if (count < piece.length) throw shortRead(path, end, offset + count);
      offset += count;
      yield piece;
    }
  } catch (error) {
    throw storeError(error, 'read', path, READ_CODES);
  } finally {
    memory.end();
    await opened.close();
  }
}

/** Where the pieces of one read are put. */
interface PieceMemory {
  next(sizeBytes: number): Uint8Array;
  /** No piece follows. */
  end(): void;
}

const freshMemory: PieceMemory = {
  next: (sizeBytes) => new Uint8Array(sizeBytes),
  end: () => undefined,
};

/**
 * Two buffers in turn: the consumer has one while the other is filled. V8 lets 64 MiB of dropped
 * buffers pile up before it looks for them, which is more than a download may take.
 */
function takeTurns(): PieceMemory {
  let current = new Uint8Array(0);
  let other = new Uint8Array(0);
  const next = (sizeBytes: number): Uint8Array => {
    [current, other] = [other, current];
    if (current.length < sizeBytes) current = new Uint8Array(sizeBytes);
    return current.subarray(0, sizeBytes);
  };
  return { next, end: () => undefined };
}

/** One buffer for all pieces, taken from `spares` and put back there: many files cost no memory. */
function oneAgain(spares: Uint8Array[]): PieceMemory {
  let buffer: Uint8Array | undefined;
  return {
    next: (sizeBytes) => {
      buffer ??= spares.pop() ?? new Uint8Array(READ_PIECE_BYTES);
      return buffer.subarray(0, sizeBytes);
    },
    end: () => {
      if (buffer !== undefined && spares.length < SPARES_MAX) spares.push(buffer);
    },
  };
}

function shortRead(path: string, expected: number, found: number): CodedError {
  return new CodedError('ERR_FILESTORE', 'the file ended early while it was read', {
    path,
    expected,
    found,
  });
}

function storeError(error: unknown, verb: string, path: string, codes = CODES): CodedError {
  if (error instanceof CodedError && error.code.startsWith('ERR_FILESTORE')) return error;
  const code = codes[codeOf(error) ?? ''] ?? 'ERR_FILESTORE';
  return new CodedError(code, `the file store could not ${verb} a file`, { path }, error);
}

function temporaryPrefix(target: string): string {
  const slash = target.lastIndexOf('/');
  return `${target.slice(0, slash + 1)}.${target.slice(slash + 1)}${TEMPORARY_MARK}`;
}

function isTemporary(name: string): boolean {
  return name.startsWith('.') && name.includes(TEMPORARY_MARK);
}

/** `./data/` and `./data` are one folder; `/` alone becomes '' so that paths join with one slash. */
function trimSlashes(root: string): string {
  let end = root.length;
  while (end > 0 && root[end - 1] === '/') end--;
  return root.slice(0, end);
}
