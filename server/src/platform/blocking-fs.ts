import type { DirLock, File, Fs, OpenMode } from '../base/ports/fs.ts';
import type { CallMark } from './call-mark.ts';
import { lockDir } from './dir-lock.ts';
import { refuseLockFile } from './disk-fs.ts';
import { fsCalls } from './fs-calls.ts';

/** How long calls may follow each other before the thread looks for messages, such as a cancel. */
const TURN_MS = 20;

/**
 * The disk for a worker thread: each call keeps the thread until it is done, and takes no thread of
 * libuv's pool, which the log and the scrapes need. `mark` tells who waits for the worker.
 */
export function blockingFs(mark: CallMark): Fs {
  const calls = new Calls(mark);
  return {
    open: (path, mode) => openFile(calls, path, mode),
    async readFile(path) {
      refuseLockFile(path);
      return calls.make(path, () => fsCalls.readFile(path));
    },
    list: (dir) => calls.make(dir, () => fsCalls.list(dir)),
    stat: (path) => calls.make(path, () => fsCalls.stat(path)),
    makeDir: (dir) => calls.make(dir, () => fsCalls.makeDir(dir)),
    rename: (from, to) => calls.make(from, () => fsCalls.rename(from, to)),
    syncDir: (dir) => calls.make(dir, () => fsCalls.syncDir(dir)),
    remove: (path) => calls.make(path, () => fsCalls.remove(path)),
    removeTree: (path) => calls.make(path, () => fsCalls.removeTree(path)),
    freeBytes: (path) => calls.make(path, () => fsCalls.freeBytes(path)),
    // Held by the process, not by a thread.
    lockDir: (dir): Promise<DirLock> => lockDir(dir),
  };
}

async function openFile(calls: Calls, path: string, mode: OpenMode): Promise<File> {
  refuseLockFile(path);
  const { fd, sizeBytes } = await calls.make(path, () => fsCalls.open(path, mode));
  let end = sizeBytes;
  return {
    read: (into, offset) => calls.make(path, () => fsCalls.read(path, fd, into, offset)),
    async write(bytes, offset) {
      const start = mode === 'append' ? null : (offset ?? end);
      await calls.make(path, () => fsCalls.write(path, fd, bytes, start));
      if (start !== null) end = Math.max(end, start + bytes.length);
    },
    async truncate(size) {
      await calls.make(path, () => fsCalls.truncate(path, fd, size));
      end = size;
    },
    sync: () => calls.make(path, () => fsCalls.sync(path, fd)),
    size: () => calls.make(path, () => fsCalls.size(path, fd)),
    close: async () => fsCalls.close(path, fd),
  };
}

/** Makes calls one after another, and lets messages arrive between them. */
class Calls {
  readonly #mark: CallMark;
  #lastTurnMs = performance.now();

  constructor(mark: CallMark) {
    this.#mark = mark;
  }

  async make<T>(path: string, call: () => T): Promise<T> {
    if (performance.now() - this.#lastTurnMs > TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#lastTurnMs = performance.now();
    }
    this.#mark.check(path);
    return this.#mark.during(call);
  }
}
