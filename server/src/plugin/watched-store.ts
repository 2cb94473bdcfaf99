import type { ByteSource, FileStore } from '../filestore/file-store.ts';
import type { WatchedPart, WatchedWork, Watchdog } from '../services/health/watchdog.ts';

/**
 * A file store whose calls are all followed, piece by piece, so that it is noticed when one of them
 * does not move. What it waits for on behalf of others, the source of a file or the consumer of one,
 * is not its fault.
 */
export function watchedStore(store: FileStore, watchdog: Watchdog, part: WatchedPart): FileStore {
  const follow = <T>(key: string, run: () => Promise<T>): Promise<T> =>
    watchdog.follow(part, key, run);
  const { localPath, freeBytes } = store;
  return {
    description: store.description,
    list: (dir) => follow(`list ${dir}`, () => store.list(dir)),
    stat: (path) => follow(`stat ${path}`, () => store.stat(path)),
    read: (path, range, pieces) =>
      readPieces(store.read(path, range, pieces), () => watchdog.begin(part, path)),
    write: async (path, source) => {
      const work = watchdog.begin(part, `write ${path}`);
      let isWell = false;
      try {
        const sizeBytes = await store.write(path, restingSource(source, work));
        isWell = true;
        return sizeBytes;
      } finally {
        work.end(isWell);
      }
    },
    remove: (path) => follow(`remove ${path}`, () => store.remove(path)),
    removeTree: (dir) => follow(`remove ${dir}`, () => store.removeTree(dir)),
    removeLeftovers: (dir) => follow(`clean ${dir}`, () => store.removeLeftovers(dir)),
    ...(localPath !== undefined && { localPath: (path) => localPath.call(store, path) }),
    ...(freeBytes !== undefined && {
      freeBytes: () => follow('free', () => freeBytes.call(store)),
    }),
  };
}

/** The store is waited for from each pull to its piece. */
async function* readPieces(
  source: ByteSource,
  begin: () => WatchedWork,
): AsyncGenerator<Uint8Array> {
  const work = begin();
  let isWell = false;
  try {
    for await (const piece of source) {
      work.rest();
      yield piece;
      work.move();
    }
    isWell = true;
  } finally {
    work.end(isWell);
  }
}

/** The store is waited for from each piece to the next pull. */
async function* restingSource(source: ByteSource, work: WatchedWork): AsyncGenerator<Uint8Array> {
  work.rest();
  for await (const piece of source) {
    work.move();
    yield piece;
    work.rest();
  }
  work.move();
}

/** `store` for one loop, which is told each time that it got further with it, piece by piece. */
export function movingStore(store: FileStore, onMove: () => void): FileStore {
  const moved = async <T>(call: Promise<T>): Promise<T> => {
    const result = await call;
    onMove();
    return result;
  };
  const { localPath, freeBytes } = store;
  return {
    description: store.description,
    list: (dir) => moved(store.list(dir)),
    stat: (path) => moved(store.stat(path)),
    read: (path, range, pieces) => movingPieces(store.read(path, range, pieces), onMove),
    write: (path, source) => moved(store.write(path, movingPieces(source, onMove))),
    remove: (path) => moved(store.remove(path)),
    removeTree: (dir) => moved(store.removeTree(dir)),
    removeLeftovers: (dir) => moved(store.removeLeftovers(dir)),
    ...(localPath !== undefined && { localPath: (path) => localPath.call(store, path) }),
    ...(freeBytes !== undefined && { freeBytes: () => moved(freeBytes.call(store)) }),
  };
}

async function* movingPieces(source: ByteSource, onMove: () => void): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    onMove();
    yield piece;
    onMove();
  }
}
