import { CodedError } from '../base/errors.ts';

/**
 * The server's file store as the plugin sees it: a folder tree of whole files, on a local disk or in
 * a bucket. `server/test/kits/file-store-kit.ts` is the proof that a driver keeps this contract.
 *
 * Paths are relative to the store's root and use `/`; {@link checkStorePath} refuses every other
 * form, so nothing outside the root can be named. A path names a file or a folder by whole segments:
 * `removeTree('x')` never touches `xy`.
 *
 * Errors are `CodedError`s with the driver's own error as cause: `ERR_FILESTORE_PATH`,
 * `ERR_FILESTORE_NOT_FOUND`, `ERR_FILESTORE_DENIED`, `ERR_FILESTORE_FULL`, `ERR_FILESTORE`, and for
 * remote stores those of `server/docs/errors.md` that begin with `ERR_FILESTORE_`.
 * All methods may be called at once; two writers of one path leave one of the two files, whole.
 */
export interface FileStore {
  /** What logs and the panel call this store, such as `local folder ./data`. */
  readonly description: string;
  /**
   * Files and folders directly in `dir`, sorted by name (bytewise). A missing or empty folder is an
   * empty list, since buckets know no folders.
   */
  list(dir: string): Promise<StoreEntry[]>;
  /** The file at `path`; undefined when there is none, also when there is a folder. */
  stat(path: string): Promise<StoreFileStat | undefined>;
  /**
   * The file's bytes in pieces, opened at the first pull and closed when the consumer stops. A
   * missing file rejects the first pull. Each piece is the consumer's to keep, unless `pieces` says
   * otherwise.
   */
  read(path: string, range?: ByteRange, pieces?: PieceLifetime): ByteSource;
  /**
   * Stores all of `source` under `path`, making folders as needed, and resolves to its size when it
   * is durable. The file appears whole or not at all: when `source` or the store fails, what was
   * there before stays.
   */
  write(path: string, source: ByteSource): Promise<number>;
  /** Removes a file; fine when it is missing. */
  remove(path: string): Promise<void>;
  /** Removes a folder with all in it; fine when it is missing. */
  removeTree(dir: string): Promise<void>;
  /**
   * Removes what writes below `dir` have left that ended with their process more than a day ago; no
   * other method sees that. As far as the store lets us: some can't tell, and keep it.
   */
  removeLeftovers(dir: string): Promise<void>;
  /** Where a file or folder is on a disk of this machine, in stores that keep them there. */
  localPath?(path: string): string;
  /** Bytes that the store has room for, where it has an end that can be told. */
  freeBytes?(): Promise<number>;
}

/**
 * Pieces of at most a few MiB; an empty one is allowed and means nothing. What is handed to `write`
 * may use a piece's memory again as soon as the next one is pulled.
 */
export type ByteSource = AsyncIterable<Uint8Array>;

/**
 * How long the consumer of a read may look at a piece: for ever, until the next but one is pulled, or
 * until the next one is.
 */
export type PieceLifetime = 'kept' | 'borrowed' | 'momentary';

/** Bytes `start` to `end` (exclusive), both inside the file. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoreEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  /** Of a file, where listing it tells that without a further request. */
  readonly stat?: StoreFileStat;
}

export interface StoreFileStat {
  readonly sizeBytes: number;
  /** Unix milliseconds. */
  readonly modifiedMs: number;
}

/** Bucket keys end at 1,024 bytes, local paths at 4,096 with the root; ours stay far below. */
const PATH_LENGTH_MAX = 900;
/** The limit of a file name on the usual Linux file systems. */
const SEGMENT_LENGTH_MAX = 200;

/** Throws `ERR_FILESTORE_PATH` unless `path` is a clean relative path. */
export function checkStorePath(path: string): void {
  const reason = whyBadPath(path);
  if (reason === undefined) return;
  throw new CodedError('ERR_FILESTORE_PATH', `not a path of the file store: it ${reason}`, {
    path: path.slice(0, PATH_LENGTH_MAX),
  });
}

function whyBadPath(path: string): string | undefined {
  if (path.length > PATH_LENGTH_MAX) return 'is too long';
  if (path.includes('\0') || path.includes('\\')) return 'holds a forbidden character';
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty part';
    if (segment === '.' || segment === '..') return 'has a "." or ".." part';
    if (segment.length > SEGMENT_LENGTH_MAX) return 'has a part that is too long';
  }
  return undefined;
}

/**
 * A whole file known to be small, or a part of any. Rejects with `ERR_FILESTORE_TOO_LARGE` before more than
 * `sizeBytesMax` bytes are held.
 */
export async function readSmallFile(
  store: FileStore,
  path: string,
  sizeBytesMax: number,
  range?: ByteRange,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of store.read(path, range)) {
    sizeBytes += piece.length;
    if (sizeBytes > sizeBytesMax) {
      throw new CodedError('ERR_FILESTORE_TOO_LARGE', 'the file is larger than expected', {
        path,
        expected: `at most ${sizeBytesMax} bytes`,
      });
    }
    pieces.push(piece);
  }
  const whole = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** Where a file is. */
export interface StorePath {
  readonly store: FileStore;
  readonly path: string;
}

/** Copies one file; see {@link FileStore.write}. */
export function copyFile(from: StorePath, to: StorePath): Promise<number> {
  return to.store.write(to.path, from.store.read(from.path, undefined, 'momentary'));
}

/** A source of one piece. */
export async function* sourceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export interface TreeFile {
  /** Relative to the folder that was listed. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Blocks have one level of folders; more is not ours. */
const TREE_DEPTH_MAX = 8;
const TREE_FILES_MAX = 100_000;

/** All files below `dir`, with their sizes, folder by folder. A missing folder is an empty list. */
export async function listTree(store: FileStore, dir: string): Promise<TreeFile[]> {
  const files: TreeFile[] = [];
  const visit = async (relative: string, depth: number): Promise<void> => {
    const folder = relative === '' ? dir : `${dir}/${relative}`;
    for (const entry of await store.list(folder)) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory) {
        if (depth < TREE_DEPTH_MAX) await visit(path, depth + 1);
        continue;
      }
      const stat = entry.stat ?? (await store.stat(`${dir}/${path}`));
      if (stat === undefined) continue;
      files.push({ path, ...stat });
      if (files.length > TREE_FILES_MAX) {
        throw new CodedError('ERR_FILESTORE_TOO_LARGE', 'the folder holds too many files', {
          path: dir,
          expected: `at most ${TREE_FILES_MAX}`,
        });
      }
    }
  };
  await visit('', 0);
  return files;
}
