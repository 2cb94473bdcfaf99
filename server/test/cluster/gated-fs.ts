import { CodedError } from '../../src/base/errors.ts';
import type { DirLock, File, Fs } from '../../src/base/ports/fs.ts';
import type { MemoryFs } from '../support/memory-fs.ts';

/** Paths below this folder are on the disk that all machines share. */
export const SHARED_DIR = 'shared';

/**
 * The disks that one process sees: its machine's own, and the shared one. `gate` comes before and
 * after each operation: it holds a stopped process back, and never opens for one that was killed.
 */
export function gatedFs(
  own: MemoryFs,
  shared: MemoryFs,
  gate: () => Promise<void>,
  isFull: () => boolean,
): Fs {
  const isShared = (path: string): boolean =>
    path === SHARED_DIR || path.startsWith(`${SHARED_DIR}/`);
  const diskOf = (path: string): Fs => (isShared(path) ? shared : own);
  /** Writes to the own disk fail while it is full; what was written stays readable. */
  const checkSpace = (path: string): void => {
    if (isFull() && !isShared(path)) {
      throw new CodedError('ERR_FS_FULL', 'the disk is full', { path });
    }
  };
  const gated = async <T>(run: () => Promise<T>): Promise<T> => {
    await gate();
    const result = await run();
    await gate();
    return result;
  };
  return {
    open: (path, mode) =>
      gated(async () => {
        const check = (): void => checkSpace(path);
        return gatedFile(await diskOf(path).open(path, mode), gated, check);
      }),
    readFile: (path) => gated(() => diskOf(path).readFile(path)),
    list: (dir) => gated(() => diskOf(dir).list(dir)),
    stat: (path) => gated(() => diskOf(path).stat(path)),
    makeDir: (dir) => gated(() => diskOf(dir).makeDir(dir)),
    rename: (from, to) => gated(() => diskOf(from).rename(from, to)),
    syncDir: (dir) => gated(() => diskOf(dir).syncDir(dir)),
    remove: (path) => gated(() => diskOf(path).remove(path)),
    removeTree: (path) => gated(() => diskOf(path).removeTree(path)),
    freeBytes: (path) => gated(() => diskOf(path).freeBytes(path)),
    lockDir: (dir): Promise<DirLock> => gated(() => own.lockDir(dir)),
  };
}

function gatedFile(
  file: File,
  gated: <T>(run: () => Promise<T>) => Promise<T>,
  checkSpace: () => void,
): File {
  return {
    read: (into, offset) => gated(() => file.read(into, offset)),
    write: (bytes, offset) =>
      gated(async () => {
        checkSpace();
        await file.write(bytes, offset);
      }),
    truncate: (sizeBytes) => gated(() => file.truncate(sizeBytes)),
    sync: () => gated(() => file.sync()),
    size: () => gated(() => file.size()),
    close: () => gated(() => file.close()),
  };
}
