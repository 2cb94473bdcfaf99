import type { File, Fs } from '../../base/ports/fs.ts';

const nothing = async (): Promise<void> => {};

/** Takes what is written and keeps none of it. */
const emptyFile: File = {
  read: async () => 0,
  write: nothing,
  truncate: nothing,
  sync: nothing,
  size: async () => 0,
  close: nothing,
};

/**
 * A disk that is read as it is and never changed: what would change it is passed over in silence, so
 * that code which tidies up while it reads can be run on the folder of somebody else.
 */
export function readOnlyFs(fs: Fs): Fs {
  return {
    open: async (path, mode) => (mode === 'read' ? fs.open(path, mode) : emptyFile),
    readFile: (path) => fs.readFile(path),
    list: (dir) => fs.list(dir),
    stat: (path) => fs.stat(path),
    freeBytes: (path) => fs.freeBytes(path),
    makeDir: nothing,
    rename: nothing,
    syncDir: nothing,
    remove: nothing,
    removeTree: nothing,
    lockDir: async () => ({
      check: async () => 'held',
      exposedTo: async () => undefined,
      release: nothing,
    }),
  };
}
