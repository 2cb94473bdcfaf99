import { CodedError, hasCode } from '../../base/errors.ts';
import type { ArchiveEntry } from '../../base/ports/archive.ts';
import { mapLimited } from '../../base/sync/map-limited.ts';
import { listTree, sourceOf } from '../../filestore/file-store.ts';
import type { ByteSource } from '../../filestore/file-store.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import { CheckedBlock, isDamage } from '../blocksync/check-block.ts';
import type { BlockPlace } from '../blocksync/check-block.ts';
import type { DamageBook } from './damage-book.ts';
import { METADATA_FILE_NAME } from './metadata.ts';

/**
 * An empty segment of a write-ahead log: `promtool tsdb dump` and other readers that change nothing
 * refuse a folder without a log.
 */
const EMPTY_LOG_PATH = 'wal/00000000';
/** So many folders are listed at once: enough to hide a bucket's latency. */
const LISTS_AT_ONCE = 8;

/** A folder with a block, and where it is. */
export interface BlockFolder extends BlockPlace {
  readonly meta: BlockMeta;
  /** See `copyKey`. */
  readonly key: string;
}

/**
 * What goes into the archive of a dump, in its order. The blocks are checked as they are read.
 *
 * @param book is told of what is not as it should be, before the read or this fails with it
 */
export async function listEntries(
  folders: readonly BlockFolder[],
  metadata: string,
  nowMs: number,
  book: DamageBook,
): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [
    memoryEntry(METADATA_FILE_NAME, new TextEncoder().encode(metadata), nowMs),
    memoryEntry(EMPTY_LOG_PATH, new Uint8Array(0), nowMs),
  ];
  const lists = await mapLimited(folders, LISTS_AT_ONCE, (folder) => listFolder(folder, book));
  return entries.concat(...lists);
}

async function listFolder(folder: BlockFolder, book: DamageBook): Promise<ArchiveEntry[]> {
  const { store, dir, meta, key } = folder;
  const files = await listTree(store, dir);
  if (files.length === 0) {
    const details = { dir };
    const gone = new CodedError('ERR_FILESTORE_NOT_FOUND', 'a block went away', details);
    book.noteVanished(key, gone);
    throw gone;
  }
  const block = new CheckedBlock(folder, meta.ulid, files.length);
  return files.map((file) => ({
    path: `${meta.ulid}/${file.path}`,
    sizeBytes: file.sizeBytes,
    modifiedMs: file.modifiedMs,
    // The packer copies a piece before it pulls the next one.
    open: () => noted(block.read(file, 'momentary'), key, book),
  }));
}

async function* noted(
  source: ByteSource,
  key: string,
  book: DamageBook,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    if (isDamage(error)) book.noteStreamDamage(key, error);
    if (hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) book.noteVanished(key, error);
    throw error;
  }
}

function memoryEntry(path: string, bytes: Uint8Array, modifiedMs: number): ArchiveEntry {
  return { path, sizeBytes: bytes.length, modifiedMs, open: () => sourceOf(bytes) };
}
