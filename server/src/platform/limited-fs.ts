import { CodedError } from '../base/errors.ts';
import type { File, Fs } from '../base/ports/fs.ts';

/** File calls that may be at the disk at a time, each on a thread of libuv's pool. */
export const DATABASE_CALLS_MAX = 4;
/** How long a call waits for its turn. Calls that are at the disk are waited for without end. */
const WAIT_MS = 20_000;

/**
 * An `Fs` that makes few calls at a time: on a disk that hangs they take few threads of the pool that
 * all file calls, look-ups and zlib share. Others wait for their turn, and reject with `ERR_FS_HANGING`
 * when it does not come. The file of a log is apart: it has one call at a time, and no turn to wait for.
 */
export function limitedFs(fs: Fs, waitMs = WAIT_MS): Fs {
  const turns = new Turns(waitMs);
  return {
    async open(path, mode) {
      if (mode === 'log') return fs.open(path, mode);
      return limitedFile(await turns.take(path, () => fs.open(path, mode)), path, turns);
    },
    readFile: (path) => turns.take(path, () => fs.readFile(path)),
    list: (dir) => turns.take(dir, () => fs.list(dir)),
    stat: (path) => turns.take(path, () => fs.stat(path)),
    makeDir: (dir) => turns.take(dir, () => fs.makeDir(dir)),
    rename: (from, to) => turns.take(from, () => fs.rename(from, to)),
    syncDir: (dir) => turns.take(dir, () => fs.syncDir(dir)),
    remove: (path) => turns.take(path, () => fs.remove(path)),
    removeTree: (path) => turns.take(path, () => fs.removeTree(path)),
    freeBytes: (path) => turns.take(path, () => fs.freeBytes(path)),
    lockDir: (dir) => turns.take(dir, () => fs.lockDir(dir)),
  };
}

function limitedFile(file: File, path: string, turns: Turns): File {
  return {
    read: (into, offset) => turns.take(path, () => file.read(into, offset)),
    write: (bytes, offset) => turns.take(path, () => file.write(bytes, offset)),
    truncate: (sizeBytes) => turns.take(path, () => file.truncate(sizeBytes)),
    sync: () => turns.take(path, () => file.sync()),
    size: () => turns.take(path, () => file.size()),
    // Whatever is open can be closed: that frees something.
    close: () => file.close(),
  };
}

/** Lets {@link DATABASE_CALLS_MAX} calls be made at a time, the others in the order they came. */
class Turns {
  readonly #waitMs: number;
  readonly #waiting = new Set<() => void>();
  #busy = 0;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  async take<T>(path: string, call: () => Promise<T>): Promise<T> {
    if (this.#busy >= DATABASE_CALLS_MAX) await this.#wait(path);
    else this.#busy++;
    try {
      return await call();
    } finally {
      this.#next();
    }
  }

  /** Resolves when another call has handed on its turn. */
  #wait(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(begin);
        reject(new CodedError('ERR_FS_HANGING', `the disk of ${path} does not answer`));
      }, this.#waitMs);
      this.#waiting.add(begin);
    });
  }

  #next(): void {
    const [begin] = this.#waiting;
    if (begin === undefined) {
      this.#busy--;
      return;
    }
    this.#waiting.delete(begin);
    begin();
  }
}
