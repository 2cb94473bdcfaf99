import { CodedError } from '../../base/errors.ts';
import { copyFile, listTree } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { META_FILE_NAME, blockDirOf } from '../../filestore/layout.ts';

/**
 * Copies one block with meta.json last, so that nobody takes a part for the whole. Files that are
 * there with the right size are not sent again: an upload goes on where it failed.
 */
export async function uploadBlock(
  from: { readonly store: FileStore; readonly dir: string },
  to: FileStore,
  ulid: string,
  signal: AbortSignal,
): Promise<void> {
  const files = await listTree(from.store, from.dir);
  const meta = files.filter((file) => file.path === META_FILE_NAME);
  if (meta.length === 0) {
    throw new CodedError('ERR_BLOCKSYNC', 'the local block has no meta.json', { ulid });
  }
  const others = files.filter((file) => file.path !== META_FILE_NAME);
  for (const { path, sizeBytes } of others) {
    signal.throwIfAborted();
    const target = `${blockDirOf(ulid)}/${path}`;
    if ((await to.stat(target))?.sizeBytes === sizeBytes) continue;
    await copyFile({ store: from.store, path: `${from.dir}/${path}` }, { store: to, path: target });
  }
  for (const { path, sizeBytes } of others) {
    const found = await to.stat(`${blockDirOf(ulid)}/${path}`);
    if (found?.sizeBytes === sizeBytes) continue;
    throw new CodedError('ERR_BLOCKSYNC', 'a stored file has not the size that was sent', {
      ulid,
      path,
      expected: sizeBytes,
      found: found?.sizeBytes,
    });
  }
  const source = { store: from.store, path: `${from.dir}/${META_FILE_NAME}` };
  await copyFile(source, { store: to, path: `${blockDirOf(ulid)}/${META_FILE_NAME}` });
}

/** meta.json goes first, so that a half-removed block is not taken for a whole one. */
export async function removeBlock(store: FileStore, ulid: string): Promise<void> {
  await store.remove(`${blockDirOf(ulid)}/${META_FILE_NAME}`);
  await store.removeTree(blockDirOf(ulid));
}
