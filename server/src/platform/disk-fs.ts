import { constants, type Dirent, type Stats } from 'node:fs';
import * as nodeFs from 'node:fs/promises';

import { CodedError, codeOf } from '../base/errors.ts';
import type { DirEntry, DirLock, File, FileStat, Fs } from '../base/ports/fs.ts';
import { LOCK_FILE, lockDir } from './dir-lock.ts';

export const DIR_MODE = 0o750;
export const FILE_MODE = 0o600;

const { O_RDWR, O_CREAT, O_TRUNC, O_EXCL, O_DSYNC, O_APPEND, O_NOFOLLOW } = constants;
/** Not through a link, which whoever may write the folder could have put there. */
export const OPEN_FLAGS = {
  read: constants.O_RDONLY,
  create: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW,
  new: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
  log: O_RDWR | O_CREAT | O_TRUNC | O_DSYNC | O_NOFOLLOW,
  append: O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW,
  update: O_RDWR | O_NOFOLLOW,
} as const;

const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'ERR_FS_NOT_FOUND',
  EEXIST: 'ERR_FS_EXISTS',
  ENOTEMPTY: 'ERR_FS_EXISTS',
  ELOOP: 'ERR_FS_LINK',
  EACCES: 'ERR_FS_DENIED',
  EPERM: 'ERR_FS_DENIED',
  EROFS: 'ERR_FS_DENIED',
  ENOSPC: 'ERR_FS_FULL',
  EDQUOT: 'ERR_FS_FULL',
  EIO: 'ERR_FS_IO',
};

/** The real disk. */
export const diskFs: Fs = {
  open: (path, mode) => openFile(path, mode),

  async readFile(path) {
    refuseLockFile(path);
    const buffer = await named('read', path, nodeFs.readFile(path));
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  },

  async list(dir) {
    const entries = await named('list', dir, nodeFs.readdir(dir, { withFileTypes: true }));
    return listing(entries);
  },

  async stat(path): Promise<FileStat | undefined> {
    try {
      return statistics(await nodeFs.stat(path));
    } catch (error) {
      if (isNothingThere(error)) return undefined;
      throw fsError('stat', path, error);
    }
  },

  async makeDir(dir) {
    await named('make folder', dir, nodeFs.mkdir(dir, { recursive: true, mode: DIR_MODE }));
  },

  async rename(from, to) {
    await named('rename', from, nodeFs.rename(from, to));
  },

  async syncDir(dir) {
    const handle = await named('open folder', dir, nodeFs.open(dir, constants.O_RDONLY));
    try {
      await named('sync folder', dir, handle.sync());
    } finally {
      await handle.close();
    }
  },

  async remove(path) {
    await named('remove', path, nodeFs.rm(path, { force: true }));
  },

  async removeTree(path) {
    await named('remove', path, nodeFs.rm(path, { force: true, recursive: true }));
  },

  async freeBytes(path) {
    const stat = await named('ask for free space', path, nodeFs.statfs(path));
    return stat.bavail * stat.bsize;
  },

  lockDir: (dir): Promise<DirLock> => lockDir(dir),
};

async function openFile(path: string, mode: keyof typeof OPEN_FLAGS): Promise<File> {
  refuseLockFile(path);
  const handle = await named('open', path, nodeFs.open(path, OPEN_FLAGS[mode], FILE_MODE));
  // Writes without an offset go behind what is there; O_APPEND does that by itself.
  let end = 0;
  try {
    if (mode === 'update') end = (await handle.stat()).size;
  } catch (error) {
    await handle.close();
    throw fsError('open', path, error);
  }
  return {
    async read(into, offset) {
      let total = 0;
      while (total < into.length) {
        const piece = handle.read(into, total, into.length - total, offset + total);
        const { bytesRead } = await named('read', path, piece);
        if (bytesRead === 0) break;
        total += bytesRead;
      }
      return total;
    },
    async write(bytes, offset) {
      const start = mode === 'append' ? null : (offset ?? end);
      let total = 0;
      while (total < bytes.length) {
        const position = start === null ? null : start + total;
        const piece = handle.write(bytes, total, bytes.length - total, position);
        total += (await named('write', path, piece)).bytesWritten;
      }
      if (start !== null) end = Math.max(end, start + total);
    },
    async truncate(sizeBytes) {
      await named('truncate', path, handle.truncate(sizeBytes));
      end = sizeBytes;
    },
    sync: () => named('sync', path, handle.datasync()),
    size: async () => (await named('stat', path, handle.stat())).size,
    close: () => named('close', path, handle.close()),
  };
}

/** Closing any descriptor of a file ends the locks that this process has on it. */
export function refuseLockFile(path: string): void {
  if (!path.endsWith(LOCK_FILE)) return;
  throw new CodedError('ERR_FS_DENIED', `${path} is opened to be locked alone`, { path });
}

async function named<T>(operation: string, path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw fsError(operation, path, error);
  }
}

/** What the system says of a folder's entries, as {@link Fs.list} has it. */
export function listing(entries: readonly Dirent[]): DirEntry[] {
  const listed = entries.map((entry): DirEntry => ({
    name: entry.name,
    isDirectory: entry.isDirectory(),
  }));
  return listed.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

export function statistics(stats: Stats): FileStat {
  return {
    sizeBytes: stats.size,
    isDirectory: stats.isDirectory(),
    modifiedMs: Math.floor(stats.mtimeMs),
    id: `${stats.dev}:${stats.ino}`,
  };
}

/** A file where a folder is expected means, too: there is nothing at this path. */
export function isNothingThere(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

export function fsError(operation: string, path: string, cause: unknown): CodedError {
  const code = CODES[codeOf(cause) ?? ''] ?? 'ERR_FS';
  return new CodedError(code, `cannot ${operation} ${path}`, { path, operation }, cause);
}
