import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import type { TimeBounds } from '../services/blocksync/set-aside.ts';
import { LastKnown } from '../services/health/last-known.ts';
import type { Known } from '../services/health/last-known.ts';
import { summarize } from '../services/stats/stats.ts';
import type { HeadFacts, StoreStats } from '../services/stats/stats.ts';
import type { BlockMeta } from '../tsdb/index.ts';
import type { OpenDatabase } from './database-keeper.ts';
import type { FileStoreKeeper } from './file-store-keeper.ts';

export interface StatisticsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly catalog: BlockCatalog;
  readonly fileStore: Pick<FileStoreKeeper, 'current' | 'require' | 'suspect'>;
  readonly database: () => OpenDatabase | undefined;
  /** Of the instance of the cluster that scrapes, when that is another one. */
  readonly otherHead: () => Promise<HeadFacts | undefined>;
  /** What lies outside is set aside. */
  readonly bounds: () => TimeBounds;
}

/** A person waits for the figures. */
const STORE_WAIT_MS = 3_000;

/** Statistics of whatever can be reached. */
export class Statistics {
  readonly #options: StatisticsOptions;
  /** The whole blocks of the file store. */
  readonly #storeBlocks: LastKnown<readonly BlockMeta[]>;

  constructor(options: StatisticsOptions) {
    this.#options = options;
    const { clock, catalog, fileStore } = options;
    this.#storeBlocks = new LastKnown(clock, async () => {
      return (await catalog.list(fileStore.require())).whole;
    });
  }

  /** Another file store is in use from now on. */
  forgetStore(): void {
    this.#storeBlocks.forget();
  }

  /**
   * Within 3 s: of a file store that does not answer they have what was last known, and say since
   * when. Rejects with `ERR_NOT_READY` while there is neither database nor file store.
   */
  async collect(): Promise<StoreStats> {
    const { otherHead, fileStore, bounds } = this.#options;
    const database = this.#options.database();
    if (database === undefined && fileStore.current === undefined) {
      throw new CodedError('ERR_NOT_READY', 'the plugin is still starting');
    }
    const [other, known] = await Promise.all([otherHead(), this.#known(database !== undefined)]);
    const local = database?.blocks() ?? [];
    const head = other ?? database?.db.headStats();
    const stats = summarize(known?.value ?? [], local, head, bounds());
    return { ...stats, ...(known !== undefined && { as_of: known.asOfMs }) };
  }

  /** undefined without a file store; as of 0 when nothing is known of it. */
  async #known(
    hasDatabase: boolean,
  ): Promise<Pick<Known<readonly BlockMeta[]>, 'value' | 'asOfMs'> | undefined> {
    const { fileStore, logger } = this.#options;
    if (fileStore.current === undefined) return undefined;
    try {
      return await this.#storeBlocks.get(STORE_WAIT_MS);
    } catch (error) {
      const { last } = this.#storeBlocks;
      if (!hasDatabase && last === undefined) throw error;
      fileStore.suspect();
      logger.debug('Statistics without the file store', { reason: describeError(error) });
      return last ?? { value: [], asOfMs: 0 };
    }
  }
}
