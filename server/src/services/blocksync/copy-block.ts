import { CodedError } from '../../base/errors.ts';
import { listTree, sourceOf } from '../../filestore/file-store.ts';
import type { ByteSource } from '../../filestore/file-store.ts';
import { META_FILE_NAME } from '../../filestore/layout.ts';
import { CheckedBlock, drain } from './check-block.ts';
import type { BlockPlace } from './check-block.ts';

/**
 * Copies one block with meta.json last, so that nobody takes a part for the whole, and checks it on
 * the way: one that is damaged never gets its meta.json, and the copy rejects with `ERR_BLOCK_DAMAGED`.
 * Files that are there with the right size are not sent again: an upload goes on where it failed.
 *
 * @param isDamagedThere what is there is no upload that ended early: all is sent again
 */
export async function copyBlock(
  ulid: string,
  from: BlockPlace,
  to: BlockPlace,
  signal: AbortSignal,
  isDamagedThere = false,
): Promise<void> {
  const files = await listTree(from.store, from.dir);
  const meta = files.find((file) => file.path === META_FILE_NAME);
  if (meta === undefined) {
    throw new CodedError('ERR_BLOCKSYNC', 'the local block has no meta.json', { dir: from.dir });
  }
  const block = new CheckedBlock(from, ulid, files.length);
  const others = files.filter((file) => file !== meta);
  for (const file of others) {
    signal.throwIfAborted();
    const target = `${to.dir}/${file.path}`;
    const isThere = !isDamagedThere && (await to.store.stat(target))?.sizeBytes === file.sizeBytes;
    // What was sent before is read once more all the same: it may be what is damaged.
    if (isThere) await drain(block.read(file, 'momentary'), signal);
    else await to.store.write(target, block.read(file, 'momentary'));
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
  const bytes = await collect(block.read(meta));
  await to.store.write(`${to.dir}/${META_FILE_NAME}`, sourceOf(bytes));
}

/** All bytes of a file of which the check has said that it is small. */
async function collect(source: ByteSource): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of source) {
    pieces.push(piece);
    sizeBytes += piece.length;
  }
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
