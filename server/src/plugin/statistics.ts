import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import type { TimeBounds } from '../services/blocksync/set-aside.ts';
import { summarize } from '../services/stats/stats.ts';
import type { HeadFacts, StoreStats } from '../services/stats/stats.ts';
import type { OpenDatabase } from './database-keeper.ts';
import type { FileStoreKeeper } from './file-store-keeper.ts';

/**
 * Statistics of whatever can be reached: a database or a file store that is away is left out.
 *
 * @param otherHead of the instance of the cluster that scrapes, when that is another one
 */
export async function collectStatistics(
  database: OpenDatabase | undefined,
  otherHead: HeadFacts | undefined,
  fileStore: FileStoreKeeper,
  catalog: BlockCatalog,
  bounds: TimeBounds,
  logger: Logger,
): Promise<StoreStats> {
  const store = fileStore.current;
  if (database === undefined && store === undefined) {
    throw new CodedError('ERR_NOT_READY', 'the plugin is still starting');
  }
  const local = database?.blocks() ?? [];
  const head = otherHead ?? database?.db.headStats();
  if (store === undefined) return summarize([], local, head, bounds);
  try {
    return summarize((await catalog.list(store)).whole, local, head, bounds);
  } catch (error) {
    if (database === undefined) throw error;
    fileStore.suspect();
    logger.debug('Statistics without the file store', { reason: describeError(error) });
    return summarize([], local, head, bounds);
  }
}
