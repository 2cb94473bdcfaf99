import { CodedError } from '../../src/base/errors.ts';
import type { DirLock, File, Fs } from '../../src/base/ports/fs.ts';
import type { MemoryFs } from '../support/memory-fs.ts';
import type { Silence } from './silence.ts';

/** Paths below this folder are on the disk that all machines share. */
export const SHARED_DIR = 'shared';

/**
 * The disks that one process sees: its machine's own, and the shared one. `gate` comes before and
 * after each operation: it holds a stopped process back, and never opens for one that was killed. A
 * disk that has fallen silent answers when that is over.
 */
export function gatedFs(
  own: MemoryFs,
  shared: MemoryFs,
  gate: () => Promise<void>,
  isFull: () => boolean,
  silences: { readonly own: Silence; readonly shared: Silence },
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
  const gatedOn =
    (path: string) =>
    async <T>(run: () => Promise<T>): Promise<T> => {
      const silence = isShared(path) ? silences.shared : silences.own;
      await gate();
      await silence.pass();
      const result = await run();
      await silence.pass();
      await gate();
      return result;
    };
  return {
    open: (path, mode) =>
      gatedOn(path)(async () => {
        const check = (): void => checkSpace(path);
        return gatedFile(await diskOf(path).open(path, mode), gatedOn(path), check);
      }),
    readFile: (path) => gatedOn(path)(() => diskOf(path).readFile(path)),
    list: (dir) => gatedOn(dir)(() => diskOf(dir).list(dir)),
    stat: (path) => gatedOn(path)(() => diskOf(path).stat(path)),
    makeDir: (dir) => gatedOn(dir)(() => diskOf(dir).makeDir(dir)),
    rename: (from, to) => gatedOn(from)(() => diskOf(from).rename(from, to)),
    syncDir: (dir) => gatedOn(dir)(() => diskOf(dir).syncDir(dir)),
    remove: (path) => gatedOn(path)(() => diskOf(path).remove(path)),
    removeTree: (path) => gatedOn(path)(() => diskOf(path).removeTree(path)),
    freeBytes: (path) => gatedOn(path)(() => diskOf(path).freeBytes(path)),
    lockDir: (dir): Promise<DirLock> => gatedOn(dir)(() => own.lockDir(dir)),
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
