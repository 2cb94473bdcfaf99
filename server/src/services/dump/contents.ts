import { CodedError } from '../../base/errors.ts';
import type { ArchiveEntry } from '../../base/ports/archive.ts';
import { mapLimited } from '../../base/sync/map-limited.ts';
import { listTree, sourceOf } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { META_FILE_NAME } from '../../filestore/layout.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import { METADATA_FILE_NAME } from './metadata.ts';

/**
 * An empty segment of a write-ahead log: `promtool tsdb dump` and other readers that change nothing
 * refuse a folder without a log.
 */
const EMPTY_LOG_PATH = 'wal/00000000';
/** So many folders are listed at once: enough to hide a bucket's latency. */
const LISTS_AT_ONCE = 8;

/** A folder with a block, and where it is. */
export interface BlockFolder {
  readonly store: FileStore;
  readonly dir: string;
  readonly meta: BlockMeta;
}

/** What goes into the archive of a dump, in its order. */
export async function listEntries(
  folders: readonly BlockFolder[],
  metadata: string,
  nowMs: number,
): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [
    memoryEntry(METADATA_FILE_NAME, new TextEncoder().encode(metadata), nowMs),
    memoryEntry(EMPTY_LOG_PATH, new Uint8Array(0), nowMs),
  ];
  const lists = await mapLimited(folders, LISTS_AT_ONCE, listFolder);
  return entries.concat(...lists);
}

async function listFolder({ store, dir, meta }: BlockFolder): Promise<ArchiveEntry[]> {
  const files = await listTree(store, dir);
  // Without it the block was removed after the plan was made; the rest may be gone as well.
  if (!files.some((file) => file.path === META_FILE_NAME)) {
    throw new CodedError('ERR_FILESTORE_NOT_FOUND', 'a block of the dump went away', { dir });
  }
  return files.map(({ path, sizeBytes, modifiedMs }) => ({
    path: `${meta.ulid}/${path}`,
    sizeBytes,
    modifiedMs,
    // The packer copies a piece before it pulls the next one.
    open: () => store.read(`${dir}/${path}`, { start: 0, end: sizeBytes }, 'momentary'),
  }));
}

function memoryEntry(path: string, bytes: Uint8Array, modifiedMs: number): ArchiveEntry {
  return { path, sizeBytes: bytes.length, modifiedMs, open: () => sourceOf(bytes) };
}
