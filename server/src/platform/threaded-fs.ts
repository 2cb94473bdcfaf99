import type { DirLock, File, Fs, OpenMode } from '../base/ports/fs.ts';
import { lockDir } from './dir-lock.ts';
import type { OpenedFile } from './fs-calls.ts';
import { SHARED_BYTES } from './fs-messages.ts';
import type { FsThreads } from './fs-threads.ts';

/**
 * The disk by way of threads that can be left behind, for folders whose file system may hang. Besides
 * the errors of an {@link Fs} there is `ERR_FS_HANGING`; what a call that got it has done by the time
 * it returns is unknown.
 */
export function threadedFs(threads: FsThreads): Fs {
  return {
    async open(path, mode) {
      return threadedFile(threads, path, mode, await threads.run('open', path, mode));
    },
    readFile: (path) => threads.run('readFile', path),
    list: (dir) => threads.run('list', dir),
    stat: (path) => threads.run('stat', path),
    makeDir: (dir) => threads.run('makeDir', dir),
    rename: (from, to) => threads.run('rename', from, to),
    syncDir: (dir) => threads.run('syncDir', dir),
    remove: (path) => threads.run('remove', path),
    removeTree: (path) => threads.run('removeTree', path),
    freeBytes: (path) => threads.run('freeBytes', path),
    // A lock is held by this process, not by a thread: for folders that do not hang.
    lockDir: (dir): Promise<DirLock> => lockDir(dir),
  };
}

function threadedFile(threads: FsThreads, path: string, mode: OpenMode, opened: OpenedFile): File {
  const { fd } = opened;
  let end = opened.sizeBytes;
  return {
    async read(into, offset) {
      let total = 0;
      while (total < into.length) {
        const piece = into.subarray(total, total + SHARED_BYTES);
        const count = await threads.run('read', path, fd, piece, offset + total);
        total += count;
        if (count < piece.length) break;
      }
      return total;
    },
    async write(bytes, offset) {
      const start = mode === 'append' ? null : (offset ?? end);
      for (let total = 0; total < bytes.length; total += SHARED_BYTES) {
        const piece = bytes.subarray(total, total + SHARED_BYTES);
        await threads.run('write', path, fd, piece, start === null ? null : start + total);
      }
      if (start !== null) end = Math.max(end, start + bytes.length);
    },
    async truncate(sizeBytes) {
      await threads.run('truncate', path, fd, sizeBytes);
      end = sizeBytes;
    },
    sync: () => threads.run('sync', path, fd),
    size: () => threads.run('size', path, fd),
    close: () => threads.closeFile(path, fd),
  };
}
