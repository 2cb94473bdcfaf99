import type { DirLock, File, Fs, OpenMode } from '../base/ports/fs.ts';
import { lockDir } from './dir-lock.ts';
import type { FsCallName, FsCalls, OpenedFile } from './fs-calls.ts';
import { SHARED_BYTES } from './fs-messages.ts';

/** Makes the calls of `fsCalls`, here or elsewhere. */
export interface FsCaller {
  /** Bytes of a read or a write are at most `SHARED_BYTES`. */
  run<Name extends FsCallName>(
    name: Name,
    ...args: Parameters<FsCalls[Name]>
  ): Promise<ReturnType<FsCalls[Name]>>;
}

/**
 * The disk by way of a caller whose calls may be given up. Besides the errors of an {@link Fs} there is
 * `ERR_FS_HANGING`; whether a call that got it is made after all is unknown.
 */
export function fsOverCalls(caller: FsCaller): Fs {
  return {
    async open(path, mode) {
      return fileOverCalls(caller, path, mode, await caller.run('open', path, mode));
    },
    readFile: (path) => caller.run('readFile', path),
    list: (dir) => caller.run('list', dir),
    stat: (path) => caller.run('stat', path),
    makeDir: (dir) => caller.run('makeDir', dir),
    rename: (from, to) => caller.run('rename', from, to),
    syncDir: (dir) => caller.run('syncDir', dir),
    remove: (path) => caller.run('remove', path),
    removeTree: (path) => caller.run('removeTree', path),
    freeBytes: (path) => caller.run('freeBytes', path),
    // A lock is held by the process, not by a thread, and is for folders that do not hang.
    lockDir: (dir): Promise<DirLock> => lockDir(dir),
  };
}

function fileOverCalls(
  caller: FsCaller,
  path: string,
  mode: OpenMode,
  { fd, sizeBytes }: OpenedFile,
): File {
  let end = sizeBytes;
  return {
    async read(into, offset) {
      let total = 0;
      while (total < into.length) {
        const piece = into.subarray(total, total + SHARED_BYTES);
        const count = await caller.run('read', path, fd, piece, offset + total);
        total += count;
        if (count < piece.length) break;
      }
      return total;
    },
    async write(bytes, offset) {
      const start = mode === 'append' ? null : (offset ?? end);
      for (let total = 0; total < bytes.length; total += SHARED_BYTES) {
        const piece = bytes.subarray(total, total + SHARED_BYTES);
        await caller.run('write', path, fd, piece, start === null ? null : start + total);
      }
      if (start !== null) end = Math.max(end, start + bytes.length);
    },
    async truncate(size) {
      await caller.run('truncate', path, fd, size);
      end = size;
    },
    sync: () => caller.run('sync', path, fd),
    size: () => caller.run('size', path, fd),
    close: () => caller.run('close', path, fd),
  };
}
