import { describeError, hasCode } from '../../base/errors.ts';
import { readSmallFile } from '../../filestore/file-store.ts';
import type { FileStore } from '../../filestore/file-store.ts';
import { META_FILE_NAME, META_SIZE_BYTES_MAX, STORE_BLOCKS_DIR } from '../../filestore/layout.ts';
import { isUlid } from '../../model/ulid.ts';
import { decodeBlockMeta } from '../../tsdb/index.ts';
import type { BlockMeta } from '../../tsdb/index.ts';

/** What the file store holds under the blocks folder. */
export interface StoreBlocks {
  /** Blocks with a readable meta.json, oldest first: uploads write it last, so these are whole. */
  readonly whole: readonly BlockMeta[];
  readonly broken: readonly BrokenBlock[];
}

export interface BrokenBlock {
  readonly ulid: string;
  /**
   * - `partial`: no meta.json; an upload that is under way, or was given up.
   * - `damaged`: a meta.json that is none.
   * - `unreadable`: the store did not answer; it may be fine.
   */
  readonly state: 'partial' | 'damaged' | 'unreadable';
  readonly reason: string;
}

/** So many meta.json are read at once: enough to hide a bucket's latency. */
const READS_AT_ONCE = 8;

/**
 * The blocks of the file store. Each meta.json is read once, since nobody writes that of a whole
 * block again; only the listing is fresh with each call.
 */
export class BlockCatalog {
  readonly #metas = new Map<string, BlockMeta>();

  async list(store: FileStore): Promise<StoreBlocks> {
    const entries = await store.list(STORE_BLOCKS_DIR);
    const ulids = entries.filter((e) => e.isDirectory && isUlid(e.name)).map((e) => e.name);
    this.#forgetAllBut(new Set(ulids));

    const broken: BrokenBlock[] = [];
    const unknown = ulids.filter((ulid) => !this.#metas.has(ulid));
    const readNext = async (): Promise<void> => {
      for (let ulid = unknown.pop(); ulid !== undefined; ulid = unknown.pop()) {
        const result = await readMeta(store, ulid);
        if ('state' in result) broken.push(result);
        else this.#metas.set(ulid, result);
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readNext));

    const whole = [...this.#metas.values()];
    whole.sort((a, b) => a.minTime - b.minTime || a.maxTime - b.maxTime);
    broken.sort((a, b) => (a.ulid < b.ulid ? -1 : 1));
    return { whole, broken };
  }

  /** The store was replaced by another one. */
  clear(): void {
    this.#metas.clear();
  }

  #forgetAllBut(ulids: ReadonlySet<string>): void {
    for (const ulid of this.#metas.keys()) if (!ulids.has(ulid)) this.#metas.delete(ulid);
  }
}

async function readMeta(store: FileStore, ulid: string): Promise<BlockMeta | BrokenBlock> {
  const path = `${STORE_BLOCKS_DIR}/${ulid}/${META_FILE_NAME}`;
  let bytes: Uint8Array;
  try {
    bytes = await readSmallFile(store, path, META_SIZE_BYTES_MAX);
  } catch (error) {
    const partial = hasCode(error, 'ERR_FILESTORE_NOT_FOUND');
    return { ulid, state: partial ? 'partial' : 'unreadable', reason: describeError(error) };
  }
  try {
    const meta = decodeBlockMeta(bytes, path);
    if (meta.ulid === ulid) return meta;
    return { ulid, state: 'damaged', reason: `meta.json belongs to block ${meta.ulid}` };
  } catch (error) {
    return { ulid, state: 'damaged', reason: describeError(error) };
  }
}
