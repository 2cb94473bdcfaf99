import type { FileStore } from '../../filestore/file-store.ts';
import { blockDirOf } from '../../filestore/layout.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import type { DumpRun } from '../jobs/dump-maker.ts';
import type { BlockFolder } from './contents.ts';
import { copyKey } from './damage-book.ts';
import type { DamageBook } from './damage-book.ts';
import type { DumpDatabase, DumpServiceOptions } from './dump-service.ts';

/** What belongs to the making of one dump. */
export interface DumpContext {
  readonly options: DumpServiceOptions;
  readonly run: DumpRun;
  readonly target: FileStore;
  readonly database: DumpDatabase | undefined;
  /** For blocks that are made on the way, in the database's folder. */
  readonly workDir: string;
  readonly book: DamageBook;
}

/** The folder of a block of the file store or the database. */
export function folderOf(
  { target, database }: DumpContext,
  origin: 'store' | 'local',
  meta: BlockMeta,
): BlockFolder {
  const key = copyKey(origin, meta.ulid);
  return origin === 'local' && database !== undefined
    ? { store: database.store, dir: meta.ulid, meta, key }
    : { store: target, dir: blockDirOf(meta.ulid), meta, key };
}
