import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { TimeRange } from '../../model/time-range.ts';
import { isUlid } from '../../model/ulid.ts';
import { BlockFile } from '../block/block-file.ts';
import { META_FILE } from '../block/meta.ts';
import { Head } from '../head/head.ts';
import { takeSnapshot } from '../head/head-snapshot.ts';
import { HeadReplay } from '../head/replay.ts';
import { SymbolCache } from '../index/symbol-file.ts';
import { BLOCK_RANGE_MS, SERIES_MAX } from '../limits.ts';
import { BlockQuerySource } from '../query/block-source.ts';
import { GuardedSource } from '../query/guarded-source.ts';
import { Querier } from '../query/querier.ts';
import type { QuerySource } from '../query/query-source.ts';
import { DbReference } from './db-reference.ts';
import { HeadQuerySource } from './head-query-source.ts';
import { readOnlyFs } from './read-only-fs.ts';

/** Opening a block is a few small reads, for which the disk and Node's threads have room. */
const OPENED_AT_ONCE = 16;

export interface ReadOnlyDbOptions {
  readonly fs: Fs;
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Texts of labels to keep in memory; see `SymbolCache`. */
  readonly symbolsCachedMax?: number;
  /** Told once of each block that is left out, or of which something is. Without it these are errors. */
  readonly onUnreadable?: (block: UnreadableBlock) => void;
}

export interface UnreadableBlock {
  /** The name of its folder. */
  readonly ulid: string;
  readonly error: unknown;
  /** It has no meta.json, which is written last: somebody is making, uploading or removing it. */
  readonly isUnfinished: boolean;
}

/** A database folder that is read and never changed, whoever else uses it meanwhile. */
export class ReadOnlyDb {
  /** Oldest first. */
  readonly blocks: readonly BlockFile[];
  readonly #options: ReadOnlyDbOptions;

  private constructor(options: ReadOnlyDbOptions, blocks: readonly BlockFile[]) {
    this.#options = options;
    this.blocks = blocks;
  }

  /** `ERR_BLOCKS_DAMAGED` names the blocks that cannot be opened, when nobody is told of them. */
  static async open(options: ReadOnlyDbOptions): Promise<ReadOnlyDb> {
    const { fs, dir, onUnreadable } = options;
    const cache = new SymbolCache(options.symbolsCachedMax);
    const blocks: BlockFile[] = [];
    const unreadable = new Map<string, UnreadableBlock>();
    const openBlock = async (ulid: string): Promise<void> => {
      try {
        blocks.push(await BlockFile.open(fs, `${dir}/${ulid}`, cache));
      } catch (error) {
        const isUnfinished = await isMissing(fs, `${dir}/${ulid}/${META_FILE}`);
        unreadable.set(ulid, { ulid, error, isUnfinished });
      }
    };
    const names = (await fs.list(dir))
      .filter(({ name, isDirectory }) => isDirectory && isUlid(name))
      .map(({ name }) => name);
    for (let i = 0; i < names.length; i += OPENED_AT_ONCE) {
      await Promise.all(names.slice(i, i + OPENED_AT_ONCE).map(openBlock));
    }
    // What was merged into a whole block is not missed.
    for (const { meta } of blocks) {
      for (const { ulid } of meta.compaction.parents ?? []) unreadable.delete(ulid);
    }
    blocks.sort((a, b) => a.meta.minTime - b.meta.minTime);
    const db = new ReadOnlyDb(options, blocks);
    if (onUnreadable !== undefined) {
      for (const block of unreadable.values()) onUnreadable(block);
    } else if (unreadable.size > 0) {
      await db.close();
      const list = [...unreadable.values()].map(
        ({ ulid, error }) => `${ulid}: ${describeError(error)}`,
      );
      throw new CodedError('ERR_BLOCKS_DAMAGED', `blocks cannot be opened: ${list.join('; ')}`, {
        dir,
      });
    }
    return db;
  }

  /** Blocks and, when the range reaches behind them, the log. */
  async querier(range: TimeRange): Promise<Querier> {
    const sources: QuerySource[] = this.blocks
      .filter(({ meta }) => meta.minTime < range.maxTimeMs && meta.maxTime > range.minTimeMs)
      .map((block) => this.#blockSource(block));
    const { coveredMs: endMs } = await DbReference.open(this.#options, this.blocks);
    if (range.maxTimeMs > endMs) {
      const head = await this.#readHead(endMs, range);
      if (head !== undefined) sources.push(head);
    }
    return new Querier(sources, range);
  }

  async close(): Promise<void> {
    for (const block of this.blocks) await block.close();
  }

  #blockSource(block: BlockFile): QuerySource {
    const source = new BlockQuerySource(block);
    const { onUnreadable } = this.#options;
    if (onUnreadable === undefined) return source;
    const { ulid } = block.meta;
    return new GuardedSource(source, (error) => onUnreadable({ ulid, error, isUnfinished: false }));
  }

  async #readHead(minValidTimeMs: number, range: TimeRange): Promise<QuerySource | undefined> {
    const { clock, dir, fs, logger } = this.#options;
    const head = new Head({ clock, blockRangeMs: BLOCK_RANGE_MS, seriesMax: SERIES_MAX });
    head.raiseMinValidTime(minValidTimeMs);
    await new HeadReplay(head, { fs: readOnlyFs(fs), dir, clock, logger }).run();
    if (head.sampleCount === 0) return undefined;
    // A window of what is there, since a snapshot wants finite times.
    const minTimeMs = Math.max(range.minTimeMs, head.minTimeMs);
    const maxTimeMs = Math.min(range.maxTimeMs, head.maxTimeMs + 1);
    if (minTimeMs >= maxTimeMs) return undefined;
    return new HeadQuerySource(await takeSnapshot(head, { minTimeMs, maxTimeMs }, clock));
  }
}

async function isMissing(fs: Fs, path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)) === undefined;
  } catch {
    return false;
  }
}
