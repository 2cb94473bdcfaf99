import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';

import type { DirEntry, FileStat, OpenMode } from '../base/ports/fs.ts';
import {
  DIR_MODE,
  FILE_MODE,
  fsError,
  isNothingThere,
  listing,
  OPEN_FLAGS,
  statistics,
} from './disk-fs.ts';

interface OpenedFile {
  readonly fd: number;
  /** Of a file that is updated; of others 0. */
  readonly sizeBytes: number;
}

/**
 * The calls of an `Fs`, each of which keeps the calling thread until it is done; libuv's pool has no
 * part in them. The first argument is the path that an error names.
 */
export const fsCalls = {
  open: (path: string, mode: OpenMode): OpenedFile =>
    named('open', path, () => {
      const fd = openSync(path, OPEN_FLAGS[mode], FILE_MODE);
      try {
        return { fd, sizeBytes: mode === 'update' ? fstatSync(fd).size : 0 };
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    }),

  /** Fills `into`, but for the end of the file. */
  read: (path: string, fd: number, into: Uint8Array, offset: number): number =>
    named('read', path, () => {
      let total = 0;
      while (total < into.length) {
        const count = readSync(fd, into, total, into.length - total, offset + total);
        if (count === 0) break;
        total += count;
      }
      return total;
    }),

  /** @param offset null: behind all that is there */
  write: (path: string, fd: number, bytes: Uint8Array, offset: number | null): void =>
    named('write', path, () => {
      for (let total = 0; total < bytes.length;) {
        const position = offset === null ? null : offset + total;
        total += writeSync(fd, bytes, total, bytes.length - total, position);
      }
    }),

  truncate: (path: string, fd: number, sizeBytes: number): void =>
    named('truncate', path, () => ftruncateSync(fd, sizeBytes)),

  sync: (path: string, fd: number): void => named('sync', path, () => fdatasyncSync(fd)),

  size: (path: string, fd: number): number => named('stat', path, () => fstatSync(fd).size),

  close: (path: string, fd: number): void => named('close', path, () => closeSync(fd)),

  readFile: (path: string): Uint8Array<ArrayBuffer> =>
    named('read', path, () => {
      const { buffer, byteOffset, byteLength } = readFileSync(path);
      return new Uint8Array(buffer, byteOffset, byteLength);
    }),

  list: (dir: string): DirEntry[] =>
    named('list', dir, () => listing(readdirSync(dir, { withFileTypes: true }))),

  stat: (path: string): FileStat | undefined =>
    named('stat', path, () => {
      try {
        return statistics(statSync(path));
      } catch (error) {
        if (isNothingThere(error)) return undefined;
        throw error;
      }
    }),

  makeDir: (dir: string): void =>
    named('make folder', dir, () => void mkdirSync(dir, { recursive: true, mode: DIR_MODE })),

  rename: (from: string, to: string): void => named('rename', from, () => renameSync(from, to)),

  syncDir: (dir: string): void =>
    named('sync folder', dir, () => {
      const fd = openSync(dir, constants.O_RDONLY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    }),

  remove: (path: string): void => named('remove', path, () => rmSync(path, { force: true })),

  removeTree: (path: string): void =>
    named('remove', path, () => rmSync(path, { force: true, recursive: true })),

  freeBytes: (path: string): number =>
    named('ask for free space', path, () => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    }),
};

function named<T>(operation: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fsError(operation, path, error);
  }
}
