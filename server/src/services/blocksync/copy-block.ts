import { CodedError } from '../../base/errors.ts';
import { listTree } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { META_FILE_NAME } from '../../filestore/layout.ts';

/** A folder of a store that holds one block. */
export interface BlockPlace {
  readonly store: FileStore;
  readonly dir: string;
}

/**
 * Copies one block with meta.json last, so that nobody takes a part for the whole. Files that are
 * there with the right size are not sent again: an upload goes on where it failed.
 */
export async function copyBlock(
  from: BlockPlace,
  to: BlockPlace,
  signal: AbortSignal,
): Promise<void> {
  const files = await listTree(from.store, from.dir);
  const meta = files.filter((file) => file.path === META_FILE_NAME);
  if (meta.length === 0) {
    throw new CodedError('ERR_BLOCKSYNC', 'the local block has no meta.json', { dir: from.dir });
  }
  const others = files.filter((file) => file.path !== META_FILE_NAME);
  for (const { path, sizeBytes } of others) {
    signal.throwIfAborted();
    const target = `${to.dir}/${path}`;
    if ((await to.store.stat(target))?.sizeBytes === sizeBytes) continue;
    await to.store.write(target, from.store.read(`${from.dir}/${path}`));
  }
  for (const { path, sizeBytes } of others) {
    const found = await to.store.stat(`${to.dir}/${path}`);
    if (found?.sizeBytes === sizeBytes) continue;
    throw new CodedError('ERR_BLOCKSYNC', 'a stored file has not the size that was sent', {
      dir: to.dir,
      path,
      expected: sizeBytes,
      found: found?.sizeBytes,
    });
  }
  signal.throwIfAborted();
  const metaPath = `${from.dir}/${META_FILE_NAME}`;
  await to.store.write(`${to.dir}/${META_FILE_NAME}`, from.store.read(metaPath));
}
