import type { FileStore } from '../../filestore/file-store.ts';
import { META_FILE_NAME, blockDirOf } from '../../filestore/layout.ts';

/** meta.json goes first, so that a half-removed block is not taken for a whole one. */
export async function removeBlock(store: FileStore, ulid: string): Promise<void> {
  await store.remove(`${blockDirOf(ulid)}/${META_FILE_NAME}`);
  await store.removeTree(blockDirOf(ulid));
}
