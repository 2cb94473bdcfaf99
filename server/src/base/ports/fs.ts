import { hasCode } from '../errors.ts';

/**
 * The only door to the disk. Two implementations pass one compliance kit: `platform/disk-fs.ts` and
 * the memory twin of the tests, which can fail or "crash" at the n-th call and drop unsynced data.
 * Errors are `CodedError`s whose `cause` is the operating system's: `ERR_FS_NOT_FOUND`,
 * `ERR_FS_EXISTS`, `ERR_FS_LINK`, `ERR_FS_DENIED` (also a read-only file system), `ERR_FS_FULL`, `ERR_FS`,
 * `ERR_FS_LOCKED`.
 * Paths use `/`; relative ones start at the process's working directory.
 */
export interface Fs {
  /**
   * - `read`: must exist.
   * - `create`: made, or emptied when it exists.
   * - `new`: made; `ERR_FS_EXISTS` when there is something of this name.
   * - `log`: the same, and what `write` has written survives a power cut without a `sync`.
   * - `append`: made when missing; writes go to the end.
   * - `update`: must exist; read and written in place.
   *
   * Whatever may write refuses a link at `path` with `ERR_FS_LINK`: it leads to a file of somebody else.
   */
  open(path: string, mode: OpenMode): Promise<File>;
  /** The whole file; for files known to be small. */
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Entries sorted by name (bytewise); `ERR_FS_NOT_FOUND` when the folder is missing. */
  list(dir: string): Promise<DirEntry[]>;
  /** undefined when there is nothing at `path`. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Makes the folder and its missing parents; fine when it exists. Folders 0750, files 0600. */
  makeDir(dir: string): Promise<void>;
  /** Renames, replacing a file; a folder's target must be missing. Atomic, but not yet durable. */
  rename(from: string, to: string): Promise<void>;
  /** Makes entries of `dir` (created, renamed, removed) survive a power cut. */
  syncDir(dir: string): Promise<void>;
  /** Removes a file; fine when it is missing. */
  remove(path: string): Promise<void>;
  /** Removes a file or a folder with all in it; fine when it is missing. */
  removeTree(path: string): Promise<void>;
  /** Bytes that this process may still write to the disk that holds `path`. */
  freeBytes(path: string): Promise<number>;
  /**
   * Takes the folder `dir`, which must exist, for this process alone; ends with `release` or with
   * the process. `ERR_FS_LOCKED`, which names the holder as far as it is known, when another one has
   * it; `ERR_FS_NO_LOCKS` where the file system cannot lock; `ERR_FS_LOCK_FILE` when something else
   * is in the place of the file that is locked.
   */
  lockDir(dir: string): Promise<DirLock>;
}

export type OpenMode = 'read' | 'create' | 'new' | 'log' | 'append' | 'update';

/**
 * - `held`: the path leads to the folder that is locked.
 * - `unlocked`: it does, but the file that is locked was removed or replaced, so others may lock it.
 * - `moved`: it leads to another folder, or nowhere.
 */
export type DirLockState = 'held' | 'unlocked' | 'moved';

export interface DirLock {
  check(): Promise<DirLockState>;
  /**
   * Who besides this user and the folder's group may put files into it, in words; undefined when
   * nobody.
   */
  exposedTo(): Promise<string | undefined>;
  /** Fine to call twice. */
  release(): Promise<void>;
}

export interface DirEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

export interface FileStat {
  readonly sizeBytes: number;
  readonly isDirectory: boolean;
  readonly modifiedMs: number;
  /** The same for as long as the file exists or is open; no other file of then has it. */
  readonly id: string;
}

/** An open file. Calls on one file are made one after another; `close` is called exactly once. */
export interface File {
  /** Fills `into` from `offset`; returns less than `into.length` only at the end of the file. */
  read(into: Uint8Array, offset: number): Promise<number>;
  /** Writes all of `bytes` at `offset` (`update`, `create`), or behind all that was written. */
  write(bytes: Uint8Array, offset?: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Makes the file's data survive a power cut (fdatasync). */
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Rename, then sync of the parent folder of `to`: the way a finished block or file appears. */
export async function renameDurably(fs: Fs, from: string, to: string): Promise<void> {
  await fs.rename(from, to);
  await fs.syncDir(parentOf(to));
}

/**
 * Makes the folder `dir` so that a power cut does not take it, or a parent made by an earlier try,
 * away again.
 */
export async function makeDirDurably(fs: Fs, dir: string): Promise<void> {
  await fs.makeDir(dir);
  for (let parent = parentOf(dir); ; parent = parentOf(parent)) {
    try {
      await fs.syncDir(parent);
    } catch (error) {
      // Folders far up may not be readable for us; they were there before.
      if (!hasCode(error, 'ERR_FS_DENIED')) throw error;
    }
    if (parent === parentOf(parent)) return;
  }
}

/** The folder that holds `path`; `.` for a bare name. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}
