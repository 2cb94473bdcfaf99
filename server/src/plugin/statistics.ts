import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Known, LastKnown } from '../services/health/last-known.ts';
import { summarize } from '../services/stats/stats.ts';
import type { HeadFacts, StoreStats } from '../services/stats/stats.ts';
import type { BlockMeta } from '../tsdb/index.ts';
import type { OpenDatabase } from './database-keeper.ts';
import type { FileStoreKeeper } from './file-store-keeper.ts';

export interface StatisticsSources {
  readonly database: OpenDatabase | undefined;
  /** Of the instance of the cluster that scrapes, when that is another one. */
  readonly otherHead: () => Promise<HeadFacts | undefined>;
  readonly fileStore: Pick<FileStoreKeeper, 'current' | 'suspect'>;
  /** The whole blocks of the file store. */
  readonly storeBlocks: LastKnown<readonly BlockMeta[]>;
  readonly logger: Logger;
}

/** A person waits for the figures. */
const STORE_WAIT_MS = 3_000;

/**
 * Statistics of whatever can be reached, within 3 s: of a file store that does not answer they have
 * what was last known, and say since when.
 */
export async function collectStatistics(sources: StatisticsSources): Promise<StoreStats> {
  const { database, otherHead, fileStore } = sources;
  if (database === undefined && fileStore.current === undefined) {
    throw new CodedError('ERR_NOT_READY', 'the plugin is still starting');
  }
  const [other, known] = await Promise.all([otherHead(), storeBlocks(sources)]);
  const local = database?.blocks() ?? [];
  const stats = summarize(known?.value ?? [], local, other ?? database?.db.headStats());
  return { ...stats, ...(known !== undefined && { as_of: known.asOfMs }) };
}

/** undefined without a file store; as of 0 when nothing is known of it. */
async function storeBlocks(
  sources: StatisticsSources,
): Promise<Pick<Known<readonly BlockMeta[]>, 'value' | 'asOfMs'> | undefined> {
  const { database, fileStore, logger } = sources;
  if (fileStore.current === undefined) return undefined;
  try {
    return await sources.storeBlocks.get(STORE_WAIT_MS);
  } catch (error) {
    const { last } = sources.storeBlocks;
    if (database === undefined && last === undefined) throw error;
    fileStore.suspect();
    logger.debug('Statistics without the file store', { reason: describeError(error) });
    return last ?? { value: [], asOfMs: 0 };
  }
}
